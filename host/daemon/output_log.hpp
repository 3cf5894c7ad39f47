// The output of a detached enclave: a file that does not outgrow a limit. What is too much
// goes from its beginning and leaves a hole, so places in it stay what they are.
#pragma once

#include <cstdint>
#include <filesystem>

#include "host/lib/error.hpp"
#include "host/lib/fd.hpp"

namespace enclavisor::host {

inline constexpr std::uint64_t kDefaultLogLimit = 16 << 20;
inline constexpr std::uint64_t kLeastLogLimit = 64 << 10;

class OutputLog {
public:
    // `limit`: of its bytes; 0: none. What stood at `path` is gone.
    static Result<OutputLog> create(const std::filesystem::path& path, std::uint64_t limit);

    // For the enclave, to append to.
    Result<Fd> writer() const;
    // Cuts it if it is beyond the limit: half of that stays.
    void trim();

private:
    OutputLog(Fd file, std::uint64_t limit) : file_{std::move(file)}, limit_{limit} {}

    Fd file_;
    std::uint64_t limit_;
    std::uint64_t begin_ = 0;  // what is before was cut off
};

// Of a log that may be cut meanwhile: where there is something to read, from `offset` on.
std::uint64_t first_kept(int log, std::uint64_t offset);

}  // namespace enclavisor::host
