// A segment of System V shared memory.
#pragma once

#include <sys/shm.h>

#include <cstdint>

#include "runtime/files/open_file.hpp"

namespace enclavisor::runtime {

struct SharedSegment {
    std::int32_t id;
    Ref<OpenFile> pages;
    shmid_ds info;  // but for shm_nattch, which is counted when it is asked for
};

}  // namespace enclavisor::runtime
