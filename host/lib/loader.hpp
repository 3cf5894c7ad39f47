// Makes enclave images out of ELF programs.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "host/lib/config.hpp"
#include "host/lib/error.hpp"
#include "host/lib/image.hpp"

namespace enclavisor::host {

struct ElfInput {
    std::span<const std::byte> bytes;
    std::string_view name;  // in messages
};

// A process enclave: the Linux runtime, an unmodified program with its interpreter
// if it is a dynamic one, and the configuration. The memory limit is the configuration's.
Result<EnclaveImage> load_process(const ElfInput& program, const std::optional<ElfInput>& interpreter,
                                  const ElfInput& runtime, const Configuration& configuration);

// A native enclave: the program alone; its `syscall`s are kernel calls.
// `exception_entry` is the symbol enclavisor_exception_entry, if there is one.
Result<EnclaveImage> load_native(const ElfInput& program, std::uint64_t memory_limit_bytes);

// A function enclave (sdk/): a native one whose thread block lies beside its data and
// whose I/O window has `window_pages` pages.
Result<EnclaveImage> load_function(const ElfInput& program, std::uint64_t memory_limit_bytes,
                                   std::uint64_t window_pages);

}  // namespace enclavisor::host
