#include "sim/launch.hpp"

#include <fmt/format.h>

#include "host/lib/vmsa.hpp"

namespace enclavisor::sim {
namespace {

// Policies: SEV-ES without debugging or a second guest under its key; SNP with SMT, API 0.
constexpr std::uint32_t kSevPolicy = sev_policy::kEs | sev_policy::kNoKeySharing | 1;
constexpr std::uint64_t kSnpPolicy = snp_policy::kSmt | snp_policy::kOne;
// KVM's address for the state of all vCPUs, and where their pages are in the machine.
constexpr std::uint64_t kVmsaAddress = 0xffff'ffff'f000;
constexpr std::uint64_t kVmsaPages = 1ull << 40;

BytesView view(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

base::Failure<host::Error> refused(const char* what, Status status) {
    return host::fail(fmt::format("the secure processor refuses {} with status {:#x}", what,
                                  static_cast<std::uint32_t>(status)));
}

host::Result<Bytes> command(Processor& processor, const char* what, Command number, BytesView request) {
    Reply reply = processor.ask(number, request);
    if (reply.status != Status::kSuccess) return refused(what, reply.status);
    return std::move(reply.payload);
}
template <Plain T>
host::Result<Bytes> command(Processor& processor, const char* what, Command number, const T& request,
                            BytesView tail = {}) {
    Bytes bytes = bytes_of(request);
    append(bytes, tail);
    return command(processor, what, number, bytes);
}

host::Result<void> initialise(Processor& processor, Command number, BytesView request) {
    const Status status = processor.ask(number, request).status;
    // Another guest's hypervisor may have done it.
    if (status != Status::kSuccess && status != Status::kInvalidPlatformState)
        return refused("to be initialised", status);
    return {};
}

host::Result<std::uint32_t> number_in(host::Result<Bytes> reply) {
    const Bytes bytes = TRY(std::move(reply));
    BytesView rest{bytes};
    const auto number = take_front<GuestNumber>(rest);
    if (!number) return host::fail("the secure processor's answer is none");
    return number->guest;
}

// The state in which each vCPU begins.
host::Result<std::vector<abi::Vmsa>> vcpus(const host::Firmware& firmware, const LaunchOptions& options) {
    const std::uint32_t others = TRY(host::reset_address(firmware));
    const host::VcpuState state{options.signature, options.all_features()};
    std::vector<abi::Vmsa> pages;
    for (unsigned i = 0; i < options.vcpus; i++)
        pages.push_back(host::initial_vmsa(i == 0 ? host::kFirstVcpuReset : others, state));
    return pages;
}

host::Result<std::uint32_t> launch_sev(Processor& processor, const host::Firmware& firmware,
                                       const std::vector<abi::Vmsa>& vmsas) {
    TRY(initialise(processor, Command::kInit, view_of(SevInitRequest{1})));
    const std::uint32_t guest = TRY(number_in(
        command(processor, "LAUNCH_START", Command::kLaunchStart, SevStartRequest{0, kSevPolicy, 0})));
    TRY(command(processor, "ACTIVATE", Command::kActivate, ActivateRequest{guest, guest}));
    for (std::size_t at = 0; at < firmware.bytes.size(); at += kLargePage) {
        const std::size_t size = std::min<std::size_t>(kLargePage, firmware.bytes.size() - at);
        TRY(command(processor, "LAUNCH_UPDATE_DATA", Command::kLaunchUpdateData, GuestNumber{guest},
                    view(firmware.bytes.subspan(at, size))));
    }
    for (const abi::Vmsa& vmsa : vmsas)
        TRY(command(processor, "LAUNCH_UPDATE_VMSA", Command::kLaunchUpdateVmsa, GuestNumber{guest},
                    view_of(vmsa)));
    TRY(command(processor, "LAUNCH_MEASURE", Command::kLaunchMeasure, GuestNumber{guest}));
    TRY(command(processor, "LAUNCH_FINISH", Command::kLaunchFinish, GuestNumber{guest}));
    return guest;
}

class SnpLaunch {
public:
    SnpLaunch(Processor& processor, GuestRam& ram, LaunchedGuest& guest)
        : processor_{processor}, ram_{ram}, guest_{guest} {}

    host::Result<void> start(std::uint32_t tsc_khz) {
        TRY(initialise(processor_, Command::kSnpInit, {}));
        guest_.number =
            TRY(number_in(command(processor_, "GCTX_CREATE", Command::kSnpContextCreate, BytesView{})));
        TRY(command(processor_, "SNP_LAUNCH_START", Command::kSnpLaunchStart,
                    SnpStartRequest{guest_.number, 0, {kSnpPolicy, 0, tsc_khz, {}}}));
        TRY(command(processor_, "SNP_ACTIVATE", Command::kSnpActivate,
                    ActivateRequest{guest_.number, guest_.number}));
        return {};
    }

    // What the guest will find there.
    host::Result<Bytes> add(PageType type, std::uint64_t place, std::uint64_t guest_address, BytesView page) {
        const std::uint64_t at = guest_.system_address(place);
        auto given = processor_.tell<HostReply>(
            Command::kRmpUpdate, RmpUpdateRequest{at, guest_address, guest_.number, kAssigned | kImmutable});
        if (!given || given->outcome != HostOutcome::kDone)
            return host::fail(fmt::format("RMPUPDATE fails for the page at {:#x}", at),
                              "start enclavisor-sim-psp with --memory 4096T");
        return command(processor_, "SNP_LAUNCH_UPDATE", Command::kSnpLaunchUpdate,
                       SnpUpdateRequest{guest_.number, 0, {at, type, 0, 0, 0, 0, 0, {}}}, page);
    }

    host::Result<void> add_section(const host::FirmwareSection& section, const abi::CpuidPage& cpuid) {
        abi::CpuidPage page{};
        PageType type = PageType::kZero;
        if (section.kind == abi::SevSectionKind::kSecrets) type = PageType::kSecrets;
        if (section.kind == abi::SevSectionKind::kCpuid) {
            type = PageType::kCpuid;
            page = cpuid;
        }
        for (std::uint64_t at = section.base; at < section.base + section.size; at += kPage) {
            const Bytes found = TRY(add(type, at, at, view_of(page)));
            if (type == PageType::kZero) continue;  // as fresh memory is
            const auto place = ram_.private_at(at, kPage);
            if (!place || found.size() != kPage)
                return host::fail(fmt::format("the firmware wants a page at {:#x}, where is no RAM", at),
                                  "give the VM more --memory");
            std::memcpy(place->data(), found.data(), kPage);
        }
        return {};
    }

    host::Result<void> finish() {
        TRY(command(processor_, "SNP_LAUNCH_FINISH", Command::kSnpLaunchFinish,
                    SnpFinishRequest{guest_.number, 0, {}}));
        return {};
    }

private:
    static constexpr std::uint32_t kAssigned = 1, kImmutable = 2;

    Processor& processor_;
    GuestRam& ram_;
    LaunchedGuest& guest_;
};

host::Result<void> launch_snp(SnpLaunch& launch, const host::Firmware& firmware,
                              const std::vector<abi::Vmsa>& vmsas, const LaunchOptions& options) {
    TRY(launch.start(options.tsc_khz));
    for (std::size_t at = 0; at < firmware.bytes.size(); at += kPage) {
        const std::uint64_t address = firmware.base() + at;
        TRY(launch.add(PageType::kNormal, address, address, view(firmware.bytes.subspan(at, kPage))));
    }
    for (const host::FirmwareSection& section : firmware.sections)
        TRY(launch.add_section(section, options.cpuid));
    std::uint64_t place = kVmsaPages;
    for (const abi::Vmsa& vmsa : vmsas) {
        TRY(launch.add(PageType::kVmsa, place, kVmsaAddress, view_of(vmsa)));
        place += kPage;
    }
    return launch.finish();
}

}  // namespace

host::Result<LaunchedGuest> launch(Processor& processor, GuestRam& ram, const host::Firmware& firmware,
                                   const LaunchOptions& options) {
    const auto vmsas = TRY(vcpus(firmware, options));
    LaunchedGuest guest{
        options.snp, options.vcpus,          0,
        {},          options.all_features(), options.tsc_khz != 0 ? options.tsc_khz : kPlatformTscKhz};
    if (options.snp) {
        if (!firmware.has_metadata)
            return host::fail(firmware.name + " has no SEV metadata, which SEV-SNP needs",
                              "give a firmware that is built for SEV-SNP");
        SnpLaunch steps{processor, ram, guest};
        TRY(launch_snp(steps, firmware, vmsas, options));
    } else {
        guest.number = TRY(launch_sev(processor, firmware, vmsas));
    }
    guest.digest = TRY(command(processor, "to say what it measured", Command::kLaunchDigest,
                               LaunchDigestRequest{guest.number, options.snp ? 1u : 0u}));
    return guest;
}

abi::SimProcessor LaunchedGuest::processor() const {
    constexpr std::uint64_t kSevAndEs = 3, kKilo = 1000;
    const bool secure_tsc = (features & abi::kSevFeatureSecureTsc) != 0;
    return {kSevAndEs | features << abi::kSevStatusFeatures, secure_tsc ? (tsc_khz + kKilo / 2) / kKilo : 0};
}

void decommission(Processor& processor, const LaunchedGuest& guest) {
    const GuestNumber number{guest.number};
    if (!guest.snp) processor.ask(Command::kDeactivate, number);
    processor.ask(guest.snp ? Command::kSnpDecommission : Command::kDecommission, number);
}

}  // namespace enclavisor::sim
