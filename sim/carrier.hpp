// What stands for a guest's hypervisor: takes its questions from the pages that the simulation's handler
// writes (abi/platform/sim_request.hpp), asks the secure processor, answers. Honest, unless told to lie.
#pragma once

#include <vector>

#include "sim/devices.hpp"
#include "sim/exchange.hpp"
#include "sim/launch.hpp"
#include "sim/lies.hpp"

namespace enclavisor::sim {

class Carrier {
public:
    Carrier(Processor& processor, GuestRam& ram, LaunchedGuest guest, std::vector<ToldLie> lies)
        : processor_{processor}, ram_{ram}, guest_{std::move(guest)}, lies_{std::move(lies)} {}

    // The pages of requests, before the guest starts. `carries_devices`: as abi::SimRequest says.
    host::Result<void> prepare(bool carries_devices);

    // Answers what the vCPU's page asks. There is a value: the machine has to end, and why, if that is not
    // empty.
    std::optional<std::string> serve(unsigned cpu);

    // --- What the answers are made of; for lies too

    std::uint32_t number() const { return guest_.number; }
    RmpReadReply rmp(std::uint64_t address);
    // Honest: as the guest asked. Pages that are so already stay untouched.
    bool change_state(std::uint64_t address, std::uint16_t operation, bool large);
    // Changes the entry whatever it is, as RMPUPDATE: what was validated is not any more.
    void reassign(std::uint64_t address);
    // A page that the guest and the hypervisor share. Absent: it is none.
    std::optional<std::span<std::byte>> shared_page(std::uint64_t address);
    // What lies keep from one question to the next.
    std::optional<Block<kMessagePage>> earlier_message;
    unsigned times_busy = 0;

private:
    abi::SimRequest* request_of(unsigned cpu);
    Exchange read(const abi::SimRequest& request, unsigned cpu);
    void read_page(Exchange& exchange);
    void answer(Exchange& exchange);
    void answer_honestly(Exchange& exchange);
    void write(abi::SimRequest& request, const Exchange& exchange);

    void by_msr(Exchange& exchange);
    void by_page(Exchange& exchange);
    void pvalidate(Exchange& exchange);
    void adjust(Exchange& exchange);
    GuestReply instruction(Command command, const Exchange& exchange);
    HostOutcome host_command(Command command, std::uint64_t address);

    void port(Exchange& exchange);
    void change_pages(Exchange& exchange);
    void guest_request(Exchange& exchange);
    void extended_request(Exchange& exchange);
    void create_cpu(Exchange& exchange);

    Processor& processor_;
    GuestRam& ram_;
    LaunchedGuest guest_;
    std::vector<ToldLie> lies_;
    Devices devices_{ram_.mib(), guest_.vcpus};
    // By vCPU: its GHCB page, once it is registered.
    std::vector<std::optional<std::uint64_t>> registered_ =
        std::vector<std::optional<std::uint64_t>>(guest_.vcpus);
};

}  // namespace enclavisor::sim
