#include "bench/python.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "bench/enclave_arm.hpp"
#include "bench/programs.hpp"
#include "bench/templates.hpp"
#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"

namespace enclavisor::bench {
namespace {

constexpr std::chrono::minutes kLongest{10};
constexpr int kInstances = 7;
// Of a round of polling for the host's answer (runtime/host/io_channel.cpp), which the runtime counts.
constexpr double kInstructionsOfRound = 8;

class Python {
public:
    Python(host::Machine& machine, const std::filesystem::path& work)
        : machine_{machine}, output_{work / "python-output"} {}

    host::Result<Figures> cold() {
        const auto application = TRY(host::describe_program(kPython, kMemory));
        const auto before = TRY(machine_.stats());
        auto enclave = TRY(host::Enclave::build(machine_, application.image));
        const auto built = TRY(machine_.stats());
        TRY(begin(enclave, "enclave"));
        const auto begun = TRY(machine_.stats());
        TRY(enclave.start());
        TRY(ended(enclave));
        const double life = busy(begun, TRY(machine_.stats())) - waiting_;
        return Figures{{"python.life", life},
                       {"python.build", busy(before, built)},
                       {"python.check", said_["python.check"]}};
    }

    host::Result<Figures> instances() {
        const auto application = TRY(host::describe_program(kPython, kMemory));
        auto origin = TRY(host::Enclave::build(machine_, application.image));
        const auto parameters = TRY(begin(origin, "template"));
        TRY(origin.start());
        TRY(origin.wait_until_template(kLongest));
        std::vector<double> lives, firsts;
        for (int i = 0; i < kInstances; i++) {
            const host::Fd out = output();
            host::ProxyOptions proxy;
            proxy.standard_output = proxy.standard_error = out.get();
            const auto before = TRY(machine_.stats());
            auto instance = TRY(origin.fork(parameters, proxy));
            const std::uint64_t forked_at = instance.forked_at();
            TRY(ended(instance));
            lives.push_back(busy(before, TRY(machine_.stats())) - waiting_);
            firsts.push_back(said_["python.resumed"] - static_cast<double>(forked_at));
        }
        return Figures{{"python.instance_life", median(lives)}, {"python.first_bytecode", median(firsts)}};
    }

private:
    static constexpr std::uint64_t kMemory = 512ull << 20;

    host::Fd output() const {
        return host::Fd{::open(output_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0600)};
    }

    // All but its start.
    host::Result<host::StartParameters> begin(host::Enclave& enclave, const std::string& where) {
        const host::Fd out = output();
        host::ProxyOptions proxy;
        proxy.standard_output = proxy.standard_error = out.get();
        proxy.extra_arguments = {"--spin=20000"};
        TRY(enclave.attach_proxy(proxy));
        host::StartParameters parameters;
        parameters.arguments = {kPython};
        for (const std::string& argument : python_arguments("imports.py"))
            parameters.arguments.push_back(argument);
        parameters.arguments.push_back(where);
        TRY(enclave.hand_over(parameters));
        return parameters;
    }

    // Reads what it printed.
    host::Result<void> ended(host::Enclave& enclave) {
        const auto status = TRY(enclave.wait(kLongest));
        TRY(enclave.destroy());
        std::ifstream lines{output_};
        said_.clear();
        const std::string other = read_figures(lines, "python", said_);
        if (status.code != 0 || !said_.contains("python.rounds")) {
            return host::fail(fmt::format("python ended with {} in the enclave: {}", status.code, other));
        }
        waiting_ = said_["python.rounds"] * kInstructionsOfRound;
        return {};
    }

    host::Machine& machine_;
    std::filesystem::path output_;
    Figures said_;
    double waiting_ = 0;  // of the last one that ended, for the host
};

}  // namespace

host::Result<Figures> measure_python(host::Platform platform, const std::filesystem::path& work) {
    const auto machine = TRY(launch_counting(platform, 1024));
    Python python{*machine, work};
    Figures figures = TRY(python.cold());
    figures.merge(TRY(python.instances()));
    return figures;
}

}  // namespace enclavisor::bench
