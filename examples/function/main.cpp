// The host application of the greeter. Usage: function-example FUNCTION [PLATFORM]
#include <iostream>
#include <string>

#include "host/lib/function.hpp"

using namespace enclavisor::host;

static Result<void> run(const std::string& file, const std::string& platform) {
    MachineOptions machine_options;
    machine_options.platform = TRY(parse_platform(platform));
    auto machine = TRY(Machine::launch(machine_options));

    FunctionOptions options;
    options.calls.functions.on(1, [](std::string_view name) {
        const std::string greeting = "Good morning, " + std::string{name} + "!";
        const auto bytes = std::as_bytes(std::span{greeting});
        return std::vector<std::byte>(bytes.begin(), bytes.end());
    });
    auto greeter = TRY(FunctionTemplate::load(*machine, file, options));
    const auto add = TRY(greeter.entry("add")), greet = TRY(greeter.entry("greet"));
    const auto greeted = TRY(greeter.entry("greeted")), keyed = TRY(greeter.entry("keyed"));

    auto first = TRY(greeter.fork()), second = TRY(greeter.fork());
    std::cout << "2 + 3 = " << TRY(first.call<int>(add, 2, 3)) << "\n";
    for (const std::string_view name : {"Ada", "Grace"}) {
        const auto text = TRY(first.call_bytes(greet, 100, name));
        std::cout << std::string{reinterpret_cast<const char*>(text.data()), text.size()} << "\n";
    }
    std::cout << "greeted: " << TRY(first.call<std::uint64_t>(greeted)) << " by the first, "
              << TRY(second.call<std::uint64_t>(greeted)) << " by the second\n";
    const bool same = TRY(first.call<std::uint64_t>(keyed, std::uint64_t{0})) ==
                      TRY(second.call<std::uint64_t>(keyed, std::uint64_t{0}));
    std::cout << "their keys are " << (same ? "the same" : "different") << "\n";
    return {};
}

int main(int count, char** arguments) {
    if (count < 2) {
        std::cerr << "usage: function-example FUNCTION [PLATFORM]\n";
        return 2;
    }
    const auto done = run(arguments[1], count > 2 ? arguments[2] : "plain");
    if (!done.ok()) std::cerr << "function-example: " << done.error().text() << "\n";
    return done.ok() ? 0 : 1;
}
