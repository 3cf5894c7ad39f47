// A hypervisor at the other end of the GHCB protocol, with a reverse map table. It answers as the
// specification says, unless a lie is told in its place.
#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <ostream>

#include "kernel/platform/accepted.hpp"
#include "kernel/platform/ghcb.hpp"

namespace enclavisor::kernel {

inline std::ostream& operator<<(std::ostream& out, GhcbRefusal refusal) {
    return out << describe(refusal);
}

}  // namespace enclavisor::kernel

namespace enclavisor::kernel::testing {

class HypervisorModel {
public:
    static constexpr std::uint64_t kPage = 0x7000;
    static constexpr unsigned kCBit = 51;

    HypervisorModel() { current = this; }
    ~HypervisorModel() { current = nullptr; }

    // Instead of the true answer, or after it, as the lie wants.
    std::function<std::uint64_t(std::uint64_t request, std::uint64_t truth)> msr_lie;
    std::function<void(abi::Ghcb& page)> page_lie;
    std::function<void(std::uint64_t frame, PvalidateResult& truth)> pvalidate_lie;
    unsigned pages_at_once = 1 << 20;  // of a page-state change, before it stops early
    bool small_pages = false;          // behind requests for large ones

    std::uint64_t terminated = 0;  // the request
    int exits = 0;
    std::map<std::uint32_t, std::uint32_t> ports;
    std::map<std::uint32_t, std::uint64_t> msrs;
    std::map<std::uint64_t, std::uint32_t> devices;
    std::uint64_t request_error = 0, started_cpu = 0;

    bool assigned(std::uint64_t frame) const { return states_.contains(frame); }
    bool validated(std::uint64_t frame) const {
        const auto found = states_.find(frame);
        return found != states_.end() && found->second;
    }
    // The remapping attack: the guest's page is another one, unvalidated.
    void exchange(std::uint64_t frame) { states_[frame] = false; }

    GhcbChannel channel() {
        static const GhcbInstructions instructions{[](std::uint64_t value) { current->msr_ = value; },
                                                   [] { return current->msr_; }, [] { current->exit(); }};
        return {instructions, HostPtr<abi::Ghcb>{reinterpret_cast<std::uint64_t>(&page)}, PhysAddr{kPage}};
    }
    static PvalidateResult pvalidate(PhysAddr at, bool large, bool validate) {
        return current->validate(at.value >> 12, large, validate);
    }

    alignas(4096) abi::Ghcb page{};

private:
    static inline HypervisorModel* current = nullptr;
    void exit() {
        exits++;
        if ((msr_ & 0xfff) == 0) {
            serve_page();
            if (page_lie) page_lie(page);
            return;
        }
        const std::uint64_t request = msr_;
        msr_ = answer(request);
        if (msr_lie) msr_ = msr_lie(request, msr_);
    }

    std::uint64_t answer(std::uint64_t request) {
        switch (request & 0xfff) {
            case 0x002:
                return 2ull << 48 | 1ull << 32 | std::uint64_t{kCBit} << 24 | 0x001;
            case 0x004:
                return (request >> 32 << 4 | (request >> 30 & 3)) << 32 | 0x005;
            case 0x012:
                return (request & ~0xfffull) | 0x013;
            case 0x014:
                return 0x015;
            case 0x080:
                return 0x3ull << 12 | 0x081;
            case 0x100:
                terminated = request;
                return request;
            default:
                return 0;
        }
    }

    void output(std::uint64_t abi::Ghcb::*to, std::uint64_t value) {
        page.*to = value;
        const auto offset =
            static_cast<std::size_t>(reinterpret_cast<char*>(&(page.*to)) - reinterpret_cast<char*>(&page));
        page.valid_bitmap[offset / 512] |= 1ull << offset / 8 % 64;
    }

    void serve_page() {
        const auto event = static_cast<abi::GhcbEvent>(page.exit_code);
        const std::uint64_t info = page.exit_info_1;
        page.exit_info_1 = 0;
        const std::uint64_t info_2 = page.exit_info_2;
        page.exit_info_2 = 0;
        switch (event) {
            case abi::GhcbEvent::kCpuid: {
                const std::uint64_t leaf = page.rax;
                output(&abi::Ghcb::rax, leaf + 1);
                output(&abi::Ghcb::rbx, leaf + 2);
                output(&abi::Ghcb::rcx, page.rcx + 3);
                output(&abi::Ghcb::rdx, page.xcr0);
                break;
            }
            case abi::GhcbEvent::kPortIo:
                if (info & 1) {
                    output(&abi::Ghcb::rax, 0xaaaa'bbbb'0000'0000 | ports[info >> 16 & 0xffff]);
                } else {
                    ports[info >> 16 & 0xffff] = static_cast<std::uint32_t>(page.rax);
                }
                break;
            case abi::GhcbEvent::kMsr: {
                std::uint64_t& value = msrs[static_cast<std::uint32_t>(page.rcx)];
                if (info == 1) {
                    value = page.rdx << 32 | page.rax;
                } else {
                    output(&abi::Ghcb::rax, value & 0xffff'ffff);
                    output(&abi::Ghcb::rdx, value >> 32);
                }
                break;
            }
            case abi::GhcbEvent::kMmioRead:
                std::memcpy(page.shared_buffer, &devices[info], 4);
                break;
            case abi::GhcbEvent::kMmioWrite:
                std::memcpy(&devices[info], page.shared_buffer, 4);
                break;
            case abi::GhcbEvent::kPageStateChange:
                change_pages();
                break;
            case abi::GhcbEvent::kGuestRequest:
                page.exit_info_2 = request_error;
                break;
            case abi::GhcbEvent::kApCreation:
                started_cpu = info_2;
                break;
            default:
                page.exit_info_1 = 2;
                page.exit_info_2 = 6;
        }
    }

    void change_pages() {
        abi::PageStateHeader header;
        std::memcpy(&header, page.shared_buffer, sizeof(header));
        for (unsigned done = 0; header.current <= header.last; header.current++) {
            std::uint64_t entry;
            std::uint8_t* at = page.shared_buffer + sizeof(header) + 8u * header.current;
            std::memcpy(&entry, at, 8);
            const std::uint64_t pages = entry & abi::kPageLarge ? 512 : 1;
            const std::uint64_t frame = entry >> 12 & 0xff'ffff'ffff;
            for (std::uint64_t i = entry & 0xfff; i < pages; i++) {
                if (done++ == pages_at_once) {
                    entry = (entry & ~0xfffull) | i;
                    std::memcpy(at, &entry, 8);
                    std::memcpy(page.shared_buffer, &header, sizeof(header));
                    return;
                }
                if ((entry >> 52 & 0xf) == 1) {
                    states_.emplace(frame + i, false);
                } else {
                    states_.erase(frame + i);
                }
            }
        }
        std::memcpy(page.shared_buffer, &header, sizeof(header));
    }

    PvalidateResult validate(std::uint64_t frame, bool large, bool to) {
        PvalidateResult result{0, false};
        if (large && small_pages) {
            result.code = 6;
        } else if (!assigned(frame)) {
            result.code = 1;
        } else {
            result.unchanged = states_[frame] == to;
            for (std::uint64_t i = 0; i < (large ? 512u : 1u); i++) states_[frame + i] = to;
        }
        if (pvalidate_lie) pvalidate_lie(frame, result);
        return result;
    }

    std::uint64_t msr_ = 0;
    std::map<std::uint64_t, bool> states_;  // of assigned frames: validated
};

}  // namespace enclavisor::kernel::testing
