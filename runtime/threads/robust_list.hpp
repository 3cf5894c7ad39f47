// What a thread leaves behind in the program's memory when it ends.
#pragma once

#include "runtime/threads/thread.hpp"

namespace enclavisor::runtime {

// Its list of robust futexes (get_robust_list(2)); the program may have made it anything.
void release_robust_list(const Thread& thread);

// The word of set_tid_address becomes 0, and one who waits on it wakes.
void clear_child_id(const Thread& thread);

}  // namespace enclavisor::runtime
