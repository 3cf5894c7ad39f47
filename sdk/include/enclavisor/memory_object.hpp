// Memory that enclaves of one VM share: private to them, never seen by the host.
//
// The maker grants an object; whoever was granted it maps it by its number, which is
// no secret and may travel through the host. The kernel says who stands on the other
// side. What the other side writes is its choice, at any time; and when the maker takes
// the object back, an access to it is a fault, which ends the enclave that makes it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "abi/enclave/calls.hpp"
#include "abi/host/control.hpp"
#include "base/result.hpp"

namespace enclavisor::sdk {

// The kernel's refusal: kNotFound (no such object, or not granted), kNoMemory, kBusy.
using abi::CallError;
template <typename T>
using SharingResult = base::Result<T, CallError>;

using Measurement = std::array<std::uint8_t, 48>;
enum class Access : std::uint64_t { kRead = abi::kRead, kReadWrite = abi::kRead | abi::kWrite };

// Most pages of one object.
using abi::kMaxObjectPages;

class MemoryObject {
public:
    // `pages` pages of zeros (1 to kMaxObjectPages), charged to this enclave.
    static SharingResult<MemoryObject> create(std::size_t pages);
    // One that another enclave made. Nothing is known of it before map() or identify().
    static MemoryObject open(std::uint64_t number) { return MemoryObject{number, false}; }

    MemoryObject(MemoryObject&& other) noexcept
        : number_{std::exchange(other.number_, 0)},
          made_here_{other.made_here_},
          bytes_{std::exchange(other.bytes_, {})} {}
    MemoryObject& operator=(MemoryObject&&) = delete;
    ~MemoryObject();  // unmaps it; the maker closes it

    std::uint64_t number() const { return number_; }
    bool made_here() const { return made_here_; }

    // By the maker: to one instance, by its handle, or to all enclaves of a
    // measurement (instances have that of what their lineage began with).
    SharingResult<void> grant(std::uint64_t instance, Access access);
    SharingResult<void> grant(const Measurement& measurement, Access access);
    // By the maker: from one instance, or (0) from everybody else. Done on return.
    SharingResult<void> revoke(std::uint64_t instance = 0);

    // Maps all of it here; once.
    SharingResult<std::span<std::byte>> map(Access access);
    std::span<std::byte> bytes() const { return bytes_; }  // empty before map()
    void unmap();

    // The maker; for the maker itself, the first other enclave that mapped it.
    SharingResult<abi::Identity> identify() const;

private:
    MemoryObject(std::uint64_t number, bool made_here) : number_{number}, made_here_{made_here} {}

    std::uint64_t number_;  // 0: moved from
    bool made_here_;
    std::span<std::byte> bytes_;
};

}  // namespace enclavisor::sdk
