// The peers read their environment before main() begins. What it must say for them to be at their best, and for their
// threads to be asleep when others are timed, is set here, by starting the program once more.
#pragma once

namespace bench {

// Returns if all is set; variables that the user has set stay as they are.
void restart_with_environment_of_peers(char** argv);

// Whether this process may use so many cores.
bool has_cores(int count);

}  // namespace bench
