// Threads of long work, started in one way.
#pragma once

#include <functional>
#include <thread>

namespace pc {

// A thread that runs f. Error(limit) "cannot start a thread: Resource temporarily unavailable; allow more processes (ulimit -u) or memory
// (ulimit -v)" if the system gives none.
std::thread start_thread(std::function<void()> f);

}  // namespace pc
