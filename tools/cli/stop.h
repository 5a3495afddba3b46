// SIGINT and SIGTERM as a question that long work asks at its safe points; it ends with Exit::stopped then.
#pragma once

namespace pc::cli {

// From here on the first signal only answers stop_requested(), a second one ends the process.
void catch_stop_signals();
bool stop_requested();

}  // namespace pc::cli
