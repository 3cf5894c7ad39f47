// Which system calls name files, by which arguments, and what for.
#pragma once

#include <cstdint>
#include <span>

namespace enclavisor::host {

enum class Access : std::uint8_t {
    kOpen,     // as the flags say, which are argument `flags`
    kLook,     // stat, access, readlink and relatives
    kExecute,  //
    kEnter,    // becomes the working directory
    kMake,     // a name that was not there
    kRemove,   // a name that was
    kChange,   // the file's contents or what belongs to it
};

struct PathArgument {
    std::uint64_t number;
    int directory;  // argument with the descriptor that relative names begin at; -1: the working directory
    int path;
    Access access;
    int flags = -1;
};

// A call that names two files has two.
std::span<const PathArgument> path_arguments(std::uint64_t number);

}  // namespace enclavisor::host
