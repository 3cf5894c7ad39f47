// `make bench`: the same programs in enclaves and in a Linux guest, in guest
// instructions, which repeat on any machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>

#include "bench/enclave_arm.hpp"
#include "bench/forks.hpp"
#include "bench/linux_arm.hpp"
#include "bench/programs.hpp"
#include "bench/python.hpp"
#include "bench/results.hpp"
#include "bench/round_trips.hpp"
#include "bench/servers.hpp"
#include "tests/support/machines.hpp"

namespace enclavisor::bench {
namespace {

struct Options {
    std::filesystem::path work = "bench-work", kernel, recorded, output = "results.json";
    int rounds = 5;
    std::vector<std::string> only;       // programs; empty: all
    std::vector<std::string> platforms;  // empty: all
};

class Bench {
public:
    explicit Bench(const Options& options) : options_{options} {}

    Results run() {
        for (const host::Platform platform : {host::Platform::kPlain, host::Platform::kSimulatedSev}) {
            if (wanted(options_.platforms, host::platform_name(platform))) run_enclaves(platform);
        }
        run_linux();
        for (const std::string& name : disagreements(results_)) {
            fmt::print("FAILED: a program computed something else here: {}\n", name);
            failed_ = true;
        }
        return std::move(results_);
    }
    bool failed() const { return failed_; }

private:
    static bool wanted(const std::vector<std::string>& chosen, const std::string& name) {
        return chosen.empty() || std::find(chosen.begin(), chosen.end(), name) != chosen.end();
    }

    // Runs `measure`, says how it went, and keeps its figures.
    template <typename Measure>
    void step(const std::string& where, const std::string& what, Figures& into, Measure measure) {
        const auto begin = std::chrono::steady_clock::now();
        fmt::print("{:<18} {:<18} ", where, what);
        std::fflush(stdout);
        host::Result<Figures> figures = measure();
        if (figures.ok()) {
            into.merge(*figures);
            const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
            fmt::print("{:5.1f} s\n", taken.count());
        } else {
            fmt::print("FAILED: {}\n", figures.error().text());
            failed_ = true;
        }
    }

    void run_enclaves(host::Platform platform) {
        EnclaveArm arm{platform, BENCH_PROGRAMS, options_.work};
        const std::string where = fmt::format("enclave, {}", host::platform_name(platform));
        Figures& figures = results_.enclave[host::platform_name(platform)];
        step(where, "boot", figures, [&] { return arm.boot(); });
        for (const Program& program : programs()) {
            if (!wanted(options_.only, program.name) || program.in_enclave != InEnclave::kRuns) continue;
            step(where, program.name, figures, [&] { return arm.run(program); });
        }
        if (wanted(options_.only, "templates")) {
            step(where, "templates", figures, [&] { return measure_forks(platform); });
        }
        if (wanted(options_.only, "python")) {
            step(where, "python", figures, [&] { return measure_python(platform, options_.work); });
        }
        if (wanted(options_.only, "round-trip")) {
            step(where, "calls", figures,
                 [&] { return measure_round_trips(platform, tests::programs_dir()); });
        }
    }

    void run_linux() {
        auto kernel = find_linux_kernel(options_.kernel);
        if (!kernel.ok()) {
            fmt::print("{:<18} {}\n", "Linux guest", kernel.error().text());
            return;
        }
        LinuxArm arm{kernel.take(), BENCH_PROGRAMS, options_.work};
        results_.linux_version = arm.kernel().version;
        run_by_turns(arm);
        for (const bool tuned : {false, true}) {
            const char* name = tuned ? "tuned" : "default";
            const std::string where = fmt::format("Linux, {}", name);
            const std::string kernel_options = tuned ? kTuned : "";
            Figures& figures = results_.linux_guest[name];
            step(where, "boot", figures, [&] { return arm.boot(kernel_options); });
            for (const Program& program : programs()) {
                if (!wanted(options_.only, program.name) || program.timed) continue;
                step(where, program.name, figures, [&] { return arm.run(program, kernel_options); });
            }
            if (wanted(options_.only, "round-trip")) {
                step(where, "serial", figures, [&] { return arm.serial_round_trip(); });
            }
        }
    }

    // What is measured in time: both worlds under the same circumstances. Both get their figures.
    void run_by_turns(const LinuxArm& guest) {
        const auto turns = [&](const char* name, auto&& measure) {
            if (!wanted(options_.only, name)) return;
            Figures none;
            step("both", name, none, [&]() -> host::Result<Figures> {
                TRY(measure());
                return Figures{};
            });
        };
        turns("redis", [&] { return measure_redis(guest, options_.work, options_.rounds, results_); });
        turns("nginx", [&] { return measure_nginx(guest, options_.work, options_.rounds, results_); });
        turns("sqlite-durable", [&] {
            const EnclaveArm enclave{host::Platform::kPlain, BENCH_PROGRAMS, options_.work};
            return measure_durable(enclave, guest, options_.work, options_.rounds, results_);
        });
    }

    Options options_;
    Results results_;
    bool failed_ = false;
};

int run(const Options& options) {
    std::filesystem::create_directories(options.work);
    const Json recorded = read_json(options.recorded);
    Bench bench{options};
    const Results results = bench.run();
    std::filesystem::remove_all(options.work);
    std::ofstream file{options.output};
    file << to_json(results, recorded).dump(2) << "\n";
    if (!file.flush()) {
        fmt::print(stderr, "bench: cannot write {}\n", options.output.string());
        return 1;
    }
    return bench.failed() ? 1 : 0;
}

}  // namespace
}  // namespace enclavisor::bench

int main(int argc, char** argv) {
    enclavisor::bench::Options options;
    CLI::App app{"Measures operations in enclaves and in a Linux guest."};
    app.add_option("--work", options.work, "directory for what exists only during the run");
    app.add_option("--kernel", options.kernel, "directory that fetch_kernel.sh filled");
    app.add_option("--recorded", options.recorded,
                   "results to take the Linux guest's figures from without one");
    app.add_option("--output", options.output, "where the results go");
    app.add_option("--only", options.only, "these programs");
    app.add_option("--rounds", options.rounds, "of servers' clients");
    app.add_option("--platform", options.platforms, "these platforms (plain, sim-sev)");
    CLI11_PARSE(app, argc, argv);
    return enclavisor::bench::run(options);
}
