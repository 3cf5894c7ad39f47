// The link as the kernel uses it. Offsets are the kernel's own constants or
// were validated by is_io_area(); what is read is hostile.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/host/control.hpp"
#include "abi/host/io_area.hpp"
#include "abi/host/link.hpp"
#include "base/checked.hpp"
#include "kernel/boundary/host_ptr.hpp"
#include "kernel/memory/entry.hpp"
#include "kernel/memory/kernel_map.hpp"

namespace enclavisor::kernel {

class Link {
public:
    void initialise(std::uint64_t size) { size_ = size; }

    HostPtr<abi::LinkHeader> header() const { return HostPtr<abi::LinkHeader>{kLinkVirt}; }
    HostPtr<abi::EnclaveStatus> status(std::uint32_t slot) const {
        return HostPtr<abi::EnclaveStatus>{kLinkVirt + abi::kStatusOffset}.element(slot);
    }
    // A page of the control data; `offset` was validated.
    void* control_data(std::uint64_t offset) const {
        return reinterpret_cast<void*>(kLinkVirt + abi::kControlDataOffset + offset);
    }

    bool is_io_area(std::uint64_t offset, std::uint64_t pages) const {
        return offset % abi::kPageSize == 0 && pages >= 2 && pages <= abi::kIoAreaStride / abi::kPageSize &&
               base::range_within(offset, pages * abi::kPageSize, abi::kIoPoolOffset, size_);
    }
    // A page of an I/O window, as its enclave maps it; `offset` was validated.
    static Entry io_page(std::uint64_t offset) {
        return Entry::shared_data(PhysAddr{abi::kLinkPhys + offset}, Permissions::read_write());
    }
    // A word of an I/O window; `offset` was validated.
    std::uint32_t word(std::uint64_t offset) const {
        return HostPtr<std::uint32_t>{kLinkVirt + offset}.read();
    }

    void set_guest_waits(bool waits) const {
        header().member<std::uint32_t>(offsetof(abi::LinkHeader, guest_waits)).write(waits);
        fence();
    }
    void set_guest_state(abi::GuestState state) const {
        header()
            .member<std::uint32_t>(offsetof(abi::LinkHeader, guest_state))
            .write(static_cast<std::uint32_t>(state));
    }
    // Whether the control client sleeps and must be woken.
    bool host_waits() const {
        fence();
        return header().member<std::uint32_t>(offsetof(abi::LinkHeader, host_waits)).read() != 0;
    }
    // The host's hint about the TSC, or 0 if it cannot be.
    std::uint64_t tsc_khz() const {
        const auto khz = header().member<std::uint64_t>(offsetof(abi::LinkHeader, tsc_khz)).read();
        return khz >= 100'000 && khz <= 10'000'000 ? khz : 0;
    }
    void count_event() { header().member<std::uint32_t>(offsetof(abi::LinkHeader, events)).write(++events_); }

private:
    std::uint64_t size_ = 0;
    std::uint32_t events_ = 0;
};

}  // namespace enclavisor::kernel
