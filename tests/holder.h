// Other processes: one that holds something until it is killed, and one that ends with a number.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pc::test {

// What a child ends with that calls f() and does nothing else.
template <class F>
int exit_code_of_child(F f) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(f());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class Holder {
 public:
  // Has a child call hold(until_killed), which takes what is to be held and calls its argument; returns when the child has it.
  template <class Hold>
  explicit Holder(Hold hold) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    child_ = ::fork();
    if (child_ == 0) {
      try {
        hold([&] {
          if (::write(ends[1], "!", 1) == 1)
            for (;;) ::pause();
        });
      } catch (...) {
      }
      ::_exit(1);
    }
    ::close(ends[1]);
    char byte;
    EXPECT_EQ(::read(ends[0], &byte, 1), 1) << "the other process does not get it";
    ::close(ends[0]);
  }
  ~Holder() { kill(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  pid_t pid() const { return child_; }
  void kill() {
    if (dead_) return;
    ::kill(child_, SIGKILL);
    EXPECT_EQ(::waitpid(child_, nullptr, 0), child_);
    dead_ = true;
  }

 private:
  pid_t child_ = -1;
  bool dead_ = false;
};

}  // namespace pc::test
