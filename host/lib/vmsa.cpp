#include "host/lib/vmsa.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "host/lib/text.hpp"

namespace enclavisor::host {
namespace {

// QEMU target/i386/cpu.c. Versions of a model ("-v4") have its signature.
const struct {
    const char* name;
    std::uint32_t signature;
} kModels[] = {
    {"EPYC", 0x800f12},       {"EPYC-IBPB", 0x800f12},  {"EPYC-Rome", 0x830f10}, {"EPYC-Milan", 0xa00f11},
    {"EPYC-Genoa", 0xa10f10}, {"EPYC-Turin", 0xb00f00}, {"max", 0x60fb1},  // TCG's, which the simulations
                                                                           // have
};

// "EPYC-v4": "EPYC".
std::string without_version(const std::string& model) {
    const std::size_t at = model.rfind("-v");
    if (at == std::string::npos || at + 2 == model.size()) return model;
    const bool number = std::all_of(model.begin() + static_cast<std::ptrdiff_t>(at) + 2, model.end(),
                                    [](char c) { return c >= '0' && c <= '9'; });
    return number ? model.substr(0, at) : model;
}

constexpr abi::VmsaSegment segment(std::uint16_t attributes, std::uint16_t selector = 0,
                                   std::uint64_t base = 0) {
    return {.selector = selector, .attributes = attributes, .limit = 0xffff, .base = base};
}

}  // namespace

Result<std::uint32_t> cpu_signature(const std::string& model) {
    if (model.starts_with("0x")) {
        std::uint32_t value = 0;
        const char* end = model.data() + model.size();
        const auto [stop, error] = std::from_chars(model.data() + 2, end, value, 16);
        if (error == std::errc{} && stop == end && value != 0) return value;
        return fail(fmt::format("'{}' is no signature of a CPU", model), "give CPUID 1 EAX, as 0xa00f11");
    }
    std::vector<std::string> names;
    for (const auto& [name, signature] : kModels) {
        if (without_version(model) == name) return signature;
        names.emplace_back(name);
    }
    const auto near = did_you_mean(model, names);
    return fail(fmt::format("the CPU model '{}' is unknown", model),
                near ? fmt::format("did you mean '{}'?", *near)
                     : fmt::format("use {}, or CPUID 1 EAX as 0xa00f11", fmt::join(names, ", ")));
}

abi::Vmsa initial_vmsa(std::uint32_t reset, const VcpuState& state) {
    constexpr std::uint16_t kData = 0x93, kCode = 0x9b, kTable = 0, kLdt = 0x82, kTss = 0x8b;
    abi::Vmsa page{};
    page.es = page.ss = page.ds = page.fs = page.gs = segment(kData);
    page.cs = segment(kCode, 0xf000, reset & 0xffff'0000);
    page.gdtr = page.idtr = segment(kTable);
    page.ldtr = segment(kLdt);
    page.tr = segment(kTss);
    page.efer = 0x1000;  // SVME
    page.cr4 = 0x40;     // MCE
    page.cr0 = 0x10;     // ET
    page.dr7 = 0x400;
    page.dr6 = 0xffff'0ff0;
    page.rflags = 2;
    page.rip = reset & 0xffff;
    page.rdx = state.signature;
    page.g_pat = 0x0007'0406'0007'0406;
    page.sev_features = state.sev_features;
    page.xcr0 = 1;
    if (!state.legacy_vm_type) {
        page.mxcsr = 0x1f80;
        page.x87_fcw = 0x37f;
    }
    return page;
}

}  // namespace enclavisor::host
