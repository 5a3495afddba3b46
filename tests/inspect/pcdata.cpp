#include "tests/inspect/pcdata.h"

namespace pc::test {

Ran pcdata(const std::filesystem::path& folder, const std::string& arguments) {
  return run_shell(folder, PC_BIN_DIR "/pcdata " + arguments);
}

void make_shop(const std::filesystem::path& folder) {
  const Ran drawn = pcdata(folder, "sample 100 shop");
  ASSERT_EQ(drawn.code, 0) << drawn.err;
  const std::filesystem::path shop = folder / "shop", images = shop / "images";
  const std::string jpeg = read_file(images / "10001.jpg");
  std::string rows = read_file(shop / "styles.csv");
  rows += "10003,Men,Apparel,Topwear,Tshirts,Red,Summer,2012,Casual,Repeats an id\n";
  rows += "20001,Men,<i>Apparel</i>,Topwear,Tshirts,Red,,2012,Casual,Copy of 10001 with another article\n";
  rows += "20002,Men,Apparel,Topwear,Tshirts,Red,Summer,2012,Casual,HTML\n";
  rows += "20003,Men,Apparel,Topwear,Tshirts,Red,Summer,2012,Casual,Cut off\n";
  rows += "20004,Men,Apparel,Topwear,Tshirts,Red,Summer,2012,NA,RGBA PNG\n";
  write_text(shop / "styles.csv", rows);
  write_text(images / "20001.jpg", jpeg);
  write_text(images / "20002.jpg", "<html>404</html>");
  write_text(images / "20003.jpg", jpeg.substr(0, jpeg.size() / 2));
  write_text(images / "20004.jpg", read_file(PC_SOURCE_DIR "/tests/data/golden/rgba.png"));
  write_text(images / "30000.jpg", jpeg);
}

}  // namespace pc::test
