#include "host/daemon/metrics.hpp"

#include <fmt/format.h>

#include "host/lib/tsc.hpp"

namespace enclavisor::host {
namespace {

class Page {
public:
    void family(const char* name, const char* type, const char* help) {
        name_ = name;
        text_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
    }
    void sample(const std::string& labels, double value) {
        text_ += fmt::format("{}{} {}\n", name_, labels, value);
    }
    void count(const std::string& labels, std::uint64_t value) {
        text_ += fmt::format("{}{} {}\n", name_, labels, value);
    }
    std::string take() { return std::move(text_); }

private:
    std::string name_, text_;
};

// A label's value: what could end it is escaped, what is no printable ASCII replaced.
std::string quoted(const std::string& value) {
    std::string text = "\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') text += '\\';
        text += c >= ' ' && c <= '~' ? c : '?';
    }
    return text + '"';
}

std::string label(const char* name, const std::string& value) {
    return fmt::format("{{{}={}}}", name, quoted(value));
}

std::string who(const Json& enclave) {
    return fmt::format("{{id=\"{}\",name={}}}", get_or<std::uint64_t>(enclave, "id", 0),
                       quoted(get_or<std::string>(enclave, "name", "")));
}

bool lives(const Json& enclave) {
    return enclave.contains("bytes");
}

void of_vm(Page& page, const Json& vm) {
    constexpr std::uint64_t kFrame = 4096;
    page.family("enclavisor_build_info", "gauge", "1, with what was built and runs as labels.");
    page.count(fmt::format("{{version={},platform={}}}", quoted(get_or<std::string>(vm, "version", "")),
                           quoted(get_or<std::string>(vm, "platform", "unknown"))),
               1);
    const bool up = vm.contains("frames");
    page.family("enclavisor_vm_up", "gauge", "Whether the VM answers.");
    page.count("", up ? 1 : 0);
    if (!up) return;
    page.family("enclavisor_vm_cpus", "gauge", "vCPUs of the VM.");
    page.count("", get_or<std::uint64_t>(vm, "cpus", 0));
    page.family("enclavisor_vm_memory_bytes", "gauge", "Memory that the kernel in the VM hands out.");
    page.count("", get_or<std::uint64_t>(vm, "frames", 0) * kFrame);
    page.family("enclavisor_vm_memory_free_bytes", "gauge", "What of it nobody has.");
    page.count("", get_or<std::uint64_t>(vm, "free_frames", 0) * kFrame);
    page.family("enclavisor_vm_idle_seconds_total", "counter", "Time that vCPUs had nothing to do, summed.");
    page.sample("", seconds_of_ticks(get_or<std::uint64_t>(vm, "idle_ticks", 0)));
}

void of_each(Page& page, const Json& enclaves) {
    page.family("enclavisor_enclave_memory_bytes", "gauge", "Memory of an enclave, page tables included.");
    for (const Json& enclave : enclaves) {
        if (lives(enclave)) page.count(who(enclave), get_or<std::uint64_t>(enclave, "bytes", 0));
    }
    page.family("enclavisor_enclave_cpu_seconds_total", "counter", "Time that an enclave's threads ran.");
    for (const Json& enclave : enclaves) {
        if (lives(enclave)) page.sample(who(enclave), get_or(enclave, "cpu_seconds", 0.0));
    }
}

}  // namespace

std::string metrics_text(const Json& vm, const Json& enclaves, const Totals& totals) {
    Page page;
    of_vm(page, vm);

    std::map<std::string, std::uint64_t> states{{"starting", 0}, {"running", 0}, {"paused", 0}, {"ended", 0}};
    double seconds = seconds_of_ticks(totals.ticks);
    std::uint64_t calls = totals.calls;
    for (const Json& enclave : enclaves) {
        states[get_or<std::string>(enclave, "state", "unknown")]++;
        if (!lives(enclave)) continue;
        seconds += get_or(enclave, "cpu_seconds", 0.0);
        calls += get_or<std::uint64_t>(enclave, "calls", 0);
    }
    page.family("enclavisor_enclaves", "gauge", "Runs that the daemon knows, by state; a group is one.");
    for (const auto& [state, count] : states) page.count(label("state", state), count);
    page.family("enclavisor_enclaves_started_total", "counter",
                "Runs that began; a group, or all instances of a template, are one.");
    page.count("", totals.started);
    page.family("enclavisor_enclaves_refused_total", "counter", "Runs that could not be started.");
    page.count("", totals.refused);
    page.family("enclavisor_enclaves_ended_total", "counter",
                "Runs that have ended, by the reason of the first enclave that failed.");
    for (const auto& [reason, count] : totals.ended) page.count(label("reason", reason), count);
    page.family("enclavisor_forwarded_calls_total", "counter", "System calls performed for enclaves.");
    page.count("", calls);
    page.family("enclavisor_cpu_seconds_total", "counter", "Time that enclaves ran, summed over vCPUs.");
    page.sample("", seconds);
    of_each(page, enclaves);
    return page.take();
}

}  // namespace enclavisor::host
