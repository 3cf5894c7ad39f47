// What the host side reports to people: the cause, the cure, and the status
// with which the command ends.
#pragma once

#include <string>
#include <utility>

#include "base/result.hpp"

namespace enclavisor::host {

// Exit statuses of the command that are its own, not the program's.
inline constexpr int kExitTimeout = 124;
inline constexpr int kExitFailure = 125;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;

struct Error {
    std::string cause;
    std::string cure;  // may be empty
    int exit_code = kExitFailure;

    std::string text() const { return cure.empty() ? cause : cause + " (" + cure + ")"; }
};

template <typename T>
using Result = base::Result<T, Error>;

inline base::Failure<Error> fail(std::string cause, std::string cure = {}, int exit_code = kExitFailure) {
    return {Error{std::move(cause), std::move(cure), exit_code}};
}

}  // namespace enclavisor::host
