// Templates: an initialised enclave is frozen, and forked into instances that
// share its memory until they write.
#pragma once

#include <cstdint>

#include "kernel/enclave/enclave.hpp"

namespace enclavisor::kernel {

struct Kernel;

// Call::kFreeze by `thread`; `call_word` was validated. Nothing happens if the enclave
// has made or mapped a memory object, has several spaces or joint pages, or another of its
// threads runs or waits for the host. Otherwise none of its threads runs any more; the freezing goes on in
// the background and ends in state kTemplate.
void begin_freeze(Kernel& kernel, Thread* thread, std::optional<std::uint64_t> call_word);

// A part of the freezing, of about `budget` pages. True when the enclave is a template.
bool continue_freeze(Kernel& kernel, Enclave& enclave, std::uint64_t budget);

struct Forked {
    abi::ControlStatus status;
    Enclave* instance = nullptr;
};
// A running instance of `origin`, which is a template. `io_offset` was validated: of
// the instance's own I/O window if there is a runtime, of its part of the
// template's if not.
Forked fork(Kernel& kernel, Enclave& origin, std::uint64_t io_offset);

void pause(Kernel& kernel, Enclave& enclave);
void resume(Kernel& kernel, Enclave& enclave);

}  // namespace enclavisor::kernel
