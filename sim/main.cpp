// enclavisor-sim-psp: a secure processor that is not one.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>

#include "host/lib/text.hpp"
#include "sim/server.hpp"
#include "sim/state_file.hpp"

namespace {

using namespace enclavisor;
using namespace enclavisor::sim;

struct Options {
    std::string socket, state, product = "Milan", memory = "64G";
    int ready_fd = -1;
};

std::atomic<int> stop{0};
extern "C" void on_signal(int number) {
    stop = number;
}

host::Result<State> first_state(const Options& options) {
    if (!options.state.empty()) {
        if (auto kept = TRY(load_state(options.state))) {
            if (facts_of(kept->chip.product).name != options.product)
                return host::fail(fmt::format("the state in {} is of a {}", options.state,
                                              facts_of(kept->chip.product).name),
                                  "give its --product, or another --state");
            return *std::move(kept);
        }
    }
    return State{Chip::make(*find_product(options.product)).state(), {}, {}};
}

host::Result<void> run(const Options& options) {
    const auto memory = host::parse_size(options.memory);
    if (!memory || *memory == 0 || *memory % kLargePage != 0)
        return host::fail(fmt::format("--memory {} is no size of a machine", options.memory),
                          "use 64G, for example");
    const State state = TRY(first_state(options));
    Model model{Chip{state.chip}, Authority{state.chip.product, state.authority}, SevPlatform{state.sev},
                *memory};
    std::string kept;
    const auto keep = [&] {
        if (options.state.empty()) return;
        std::string text = text_of({model.chip.state(), model.authority.state(), model.sev.keys()});
        if (text == kept) return;
        if (const auto done = save_state(options.state, text); !done)
            throw std::runtime_error(done.error().text());
        kept = std::move(text);
    };
    keep();
    Server server = TRY(Server::listen(options.socket));
    if (options.ready_fd >= 0) {
        [[maybe_unused]] const ssize_t told = ::write(options.ready_fd, "ready\n", 6);
        ::close(options.ready_fd);
    }
    server.serve(model, stop, [&](Command command) {
        if (!is_about_memory(command)) keep();
    });
    return {};
}

}  // namespace

int main(int count, char** arguments) {
    Options options;
    CLI::App app{"A model of AMD's secure processor, for tests. It protects nothing.", "enclavisor-sim-psp"};
    app.add_option("--socket", options.socket, "Where to listen")->required();
    app.add_option("--state", options.state,
                   "Folder that keeps what survives a restart (default: nothing does)");
    app.add_option("--product", options.product, "Milan, Genoa or Turin")
        ->check(CLI::IsMember({"Milan", "Genoa", "Turin"}))
        ->capture_default_str();
    app.add_option("--memory", options.memory, "Of the machine, for its reverse map table")
        ->type_name("SIZE")
        ->capture_default_str();
    app.add_option("--ready-fd", options.ready_fd, "Where to write a line when peers can come");
    CLI11_PARSE(app, count, arguments);

    struct sigaction action {};
    action.sa_handler = on_signal;
    sigset_t ending;
    ::sigemptyset(&ending);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        ::sigaction(number, &action, nullptr);
        ::sigaddset(&ending, number);
    }
    ::sigprocmask(SIG_BLOCK, &ending, nullptr);
    try {
        const auto result = run(options);
        if (result.ok()) return 0;
        fmt::print(stderr, "enclavisor-sim-psp: {}\n", result.error().text());
        return result.error().exit_code;
    } catch (const std::exception& error) {
        fmt::print(stderr, "enclavisor-sim-psp: {}\n", error.what());
        return host::kExitFailure;
    }
}
