// Numbers that start.S shares with C++, which checks them.
#pragma once

#define CALL_FREEZE 17
#define FREEZE_PARKED 1
#define CALL_WAIT_IO 6
#define WAIT_QUIET 1
#define WAITS_QUIETLY 1
#define SLOT_ENCLAVE_WAITS 4
#define SLOT_EVENTS 64
#define SLOT_FIRST_TURN 192
#define BIRTH_HANDLE 0
#define BIRTH_OFFSET 8
#define BIRTH_SEED 16

#ifndef __ASSEMBLER__
#include <cstddef>
#include <cstdint>

#include "abi/enclave/calls.hpp"
#include "abi/host/call_slot.hpp"

namespace enclavisor::sdk {

// What the kernel tells an instance in registers.
struct Birth {
    std::uint64_t handle, offset, seed[4];
};
static_assert(offsetof(Birth, handle) == BIRTH_HANDLE && offsetof(Birth, offset) == BIRTH_OFFSET &&
              offsetof(Birth, seed) == BIRTH_SEED);
static_assert(static_cast<int>(abi::Call::kFreeze) == CALL_FREEZE && abi::kFreezeParked == FREEZE_PARKED);
static_assert(static_cast<int>(abi::Call::kWaitIo) == CALL_WAIT_IO && abi::kWaitQuiet == WAIT_QUIET);
static_assert(static_cast<int>(abi::EnclaveWaits::kQuietly) == WAITS_QUIETLY);
static_assert(offsetof(abi::CallSlot, enclave_waits) == SLOT_ENCLAVE_WAITS &&
              offsetof(abi::CallSlot, events) == SLOT_EVENTS &&
              offsetof(abi::CallSlot, in) + offsetof(abi::CallRing, entries) +
                      offsetof(abi::CallEntry, turn) ==
                  SLOT_FIRST_TURN);

}  // namespace enclavisor::sdk
#endif
