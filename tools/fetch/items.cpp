#include "tools/fetch/items.h"

#include <fmt/format.h>

#include <cstdlib>

#include "kernels/base/error.h"
#include "tools/fetch/http_client.h"

namespace pc::fetch {
namespace {

struct Base {
  const char *variable, *address;
};

Base base_of(Host host) {
  if (host == Host::kaggle) return {"PC_KAGGLE_URL", "https://www.kaggle.com"};
  return {"PC_WEIGHTS_URL", "https://download.pytorch.org/models"};
}

constexpr const char* kKagglePage = "https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-small";

FetchItem weights(const std::string& name, const std::string& sha256, int64_t bytes) {
  const std::string file = name + "-" + sha256.substr(0, 8) + ".pth";  // torch.hub's convention
  return {.name = name,
          .host = Host::pytorch,
          .path = file,
          .download = file,
          .result = name + ".safetensors",
          .sha256 = sha256,
          .bytes = bytes,
          .license = "BSD-3-Clause; trained on ImageNet (research terms)"};
}

}  // namespace

// The weights are those that torchvision calls IMAGENET1K_V1.
const std::vector<FetchItem>& fetch_items() {
  static const std::vector<FetchItem> items = {
      {.name = "fashion-product-images-small",
       .host = Host::kaggle,
       .path = "api/v1/datasets/download/paramaggarwal/fashion-product-images-small",
       .download = "fashion-product-images-small.zip",
       .result = "fashion-product-images-small.zip",
       .sha256 = "",
       .bytes = 592'600'000,
       .license = "MIT as declared on Kaggle; the photos are the retailer's"},
      weights("resnet18", "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec", 46'830'571),
      weights("resnet34", "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f", 87'319'819),
      weights("resnet50", "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a", 102'530'333),
      weights("resnet101", "63fe2227b86e8f1f2063f43a75c84d195911b6a0eace650907dd3dc62dd49a0a", 178'793'939),
  };
  return items;
}

const FetchItem& find_fetch_item(const std::string& name) {
  std::string names;
  for (const FetchItem& item : fetch_items()) {
    if (item.name == name) return item;
    names += (names.empty() ? "" : ", ") + item.name;
  }
  fail(Exit::usage, fmt::format("nothing is known by the name \"{}\"; known are {}", name, names));
}

std::string fetch_url(const FetchItem& item) {
  const Base base = base_of(item.host);
  const char* mirror = std::getenv(base.variable);
  std::string address = mirror && *mirror ? mirror : base.address;
  if (const std::string objection = url_objection(address); !objection.empty())
    fail(Exit::usage, fmt::format("{}: {}", base.variable, objection));
  while (address.ends_with('/')) address.pop_back();
  return address + "/" + item.path;
}

std::string fetch_advice(const FetchItem& item, int status, const std::filesystem::path& folder) {
  const bool kaggle = item.host == Host::kaggle;
  const std::string by_hand = fmt::format("download {} by hand, put it at {} and run the same command again",
                                          kaggle ? kKagglePage : fetch_url(item), (folder / item.download).string());
  if (kaggle && (status == 401 || status == 403))
    return fmt::format(
        "sign in at {} and accept the rules there, then create a token under Settings, API and leave it in "
        "~/.kaggle/kaggle.json (mode 600) or KAGGLE_API_TOKEN; a token that is set may have expired",
        kKagglePage);
  if (status == 401 || status == 403)
    return "the server, or a proxy before it, refuses downloads from here; " + by_hand;
  if (status == 404 || status == 410)
    return fmt::format("the file has moved or ${} is not its mirror; {}", base_of(item.host).variable, by_hand);
  if (status == 407) return "the proxy requires a name and a password: https_proxy=http://NAME:PASSWORD@HOST:PORT";
  if (status == 429) return "too many requests from here; run the same command again in an hour";
  if (status >= 500) return "the server has trouble; run the same command again later";
  return "run the same command again, set https_proxy where a proxy is needed, or " + by_hand;
}

}  // namespace pc::fetch
