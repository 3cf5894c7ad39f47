// One question of a guest to its hypervisor, and what it is answered.
#pragma once

#include <optional>
#include <string>

#include "abi/platform/ghcb.hpp"
#include "abi/platform/sim_request.hpp"

namespace enclavisor::sim {

// What a question is about.
enum class Topic {
    kNone,  // what no guest asks
    // By the MSR.
    kInfo,
    kCpuidMsr,
    kRegister,
    kPageMsr,
    kFeatures,
    kTerminateMsr,
    // By the page.
    kCpuid,
    kPort,
    kMsr,
    kMmio,
    kApResetHold,
    kPageState,
    kGuestRequest,
    kExtendedRequest,
    kApCreation,
    kTerminate,
    // Instructions.
    kPvalidate,
    kRmpAdjust,
};

struct Exchange {
    Topic topic = Topic::kNone;
    unsigned cpu = 0;
    abi::SimRegisters in{};
    std::uint64_t asked_msr = 0;
    abi::GhcbEvent event{};
    std::uint64_t info_1 = 0, info_2 = 0;  // the page's

    // The answer. Until there is one, the page is the question.
    std::optional<abi::Ghcb> page;
    abi::SimRegisters out{};
    std::uint64_t msr = 0, raise = 0;
    bool held = false;               // there is none yet
    std::optional<std::string> end;  // why the machine ends; empty: the guest has told

    static constexpr std::uint64_t bit(std::size_t offset) { return 1ull << offset / 8 % 64; }
    bool valid(std::size_t offset) const { return page->valid_bitmap[offset / 512] & bit(offset); }
    // The result registers; `member` is marked valid.
    void result(std::uint64_t info, std::uint64_t info_more) {
        page->exit_info_1 = info;
        page->exit_info_2 = info_more;
    }
    void output(std::uint64_t abi::Ghcb::*member, std::size_t offset, std::uint64_t value) {
        (*page).*member = value;
        page->valid_bitmap[offset / 512] |= bit(offset);
    }
};

}  // namespace enclavisor::sim
