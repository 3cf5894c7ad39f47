// How a thread asks to be scheduled (sched(7)). Kept, inherited and told; the kernel takes turns all the
// same.
#pragma once

#include <sched.h>

namespace enclavisor::runtime {

struct Scheduling {
    int policy = SCHED_OTHER;
    int priority = 0;  // of SCHED_FIFO and SCHED_RR
    int nice = 0;
    bool reset_on_fork = false;

    // Of a new thread.
    Scheduling inherited() const {
        if (!reset_on_fork) return *this;
        const bool stays = policy != SCHED_FIFO && policy != SCHED_RR;
        return {stays ? policy : SCHED_OTHER, 0, !stays || nice < 0 ? 0 : nice, false};
    }
};

}  // namespace enclavisor::runtime
