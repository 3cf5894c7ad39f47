// Answers that no honest hypervisor gives, by name.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "host/lib/error.hpp"
#include "sim/exchange.hpp"
#include "sim/launch.hpp"

namespace enclavisor::sim {

class Carrier;

struct Lie {
    std::string_view name;
    Topic topic;
    // Answers in the carrier's place; `honest` gives the true answer, if it is wanted.
    void (*tell)(Exchange& exchange, Carrier& carrier, const std::function<void()>& honest);
    // Or, if there is one: the guest is launched otherwise.
    void (*launch)(LaunchOptions& options);
    // Or: what was launched is hidden from the launcher, and the processor tells it to the guest.
    void (*tell_processor)(abi::SimProcessor& processor, unsigned cpu);
};
std::span<const Lie> lies();

struct ToldLie {
    const Lie* lie;
    unsigned honest_before;  // so many questions on its topic are answered truly first
};
// "NAME" or "NAME:N".
host::Result<ToldLie> parse_lie(const std::string& text);

}  // namespace enclavisor::sim
