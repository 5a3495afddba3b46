// Another user for a while: the tests may run as root, who may read everything.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

namespace pc::test {

class AsNobody {
 public:
  AsNobody() { changed_ = ::geteuid() != 0 || ::seteuid(65534) == 0; }
  ~AsNobody() {
    if (::geteuid() != ::getuid()) {
      EXPECT_EQ(::seteuid(::getuid()), 0);
    }
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  bool changed() const { return changed_; }

 private:
  bool changed_ = false;
};

}  // namespace pc::test
