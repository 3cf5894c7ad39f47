// A function's life: initialise, become a template, serve calls.
#pragma once

#include <cstdint>

// The program's own beginning; it need not have one. Runs once, in the enclave as
// it was built. When it returns, the SDK calls ready() if it has not been called,
// then serve().
extern "C" void enclavisor_main();

namespace enclavisor::sdk {

// The template point. The enclave becomes a template here and never runs again;
// ready() returns in each of its instances, when the first call for it has
// arrived. By then instance() and generation() are the instance's own, and random()
// gives numbers that no other instance has. An instance may call it once more, and
// becomes a template itself. No call may be under way, no memory object made
// or mapped.
void ready();

// Answers calls for ever. Without ready() before it, the enclave serves as it is, alone.
[[noreturn]] void serve();

// The enclave's handle, as the kernel and the host know it. Not secret.
std::uint64_t instance();
// How many times ready() has returned on the way from the enclave that was built to this one.
std::uint64_t generation();

// Ends the enclave. `message` goes to the host, in clear: no secrets. Callers of the
// host's library get it in their error.
[[noreturn]] void panic(const char* message);
// Ends the enclave in order. `code` is what the host learns of it.
[[noreturn]] void exit(std::uint64_t code);

}  // namespace enclavisor::sdk
