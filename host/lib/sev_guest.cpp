#include "host/lib/sev_guest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "host/lib/base64.hpp"
#include "host/lib/file.hpp"
#include "host/lib/id_block.hpp"
#include "host/lib/launch_digest.hpp"
#include "host/lib/measure.hpp"
#include "host/lib/sev_features.hpp"
#include "host/lib/text.hpp"

namespace enclavisor::host {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kSessionSize = 0x80, kCertificateSize = 0x824;  // 55766, tables 55 and C.1
constexpr std::size_t kIdAuthSize = 4096, kAuthorKey = 0x880, kAuthorKeySize = 0x404;  // 56860, 8.18
constexpr std::uint64_t kSnpDebug = 1 << 19;

Result<Bytes> read_exactly(const char* option, const std::string& path, std::size_t size) {
    auto bytes = TRY(read_file(path));
    if (bytes.size() != size) {
        return fail(fmt::format("{} {} has {} bytes, not {}", option, path, bytes.size(), size),
                    "give the file as it was made, not encoded");
    }
    return bytes;
}

// QEMU decodes it itself.
Result<std::string> encoded_file(const char* option, const std::string& path, std::size_t size) {
    const auto text = TRY(read_file(path));
    const auto bytes = from_base64({reinterpret_cast<const char*>(text.data()), text.size()});
    if (!bytes || bytes->size() != size) {
        return fail(fmt::format("{} {} is not {} bytes in Base64", option, path, size),
                    "give the file that 'sevctl session' made");
    }
    return path;
}

Result<std::string> hex_bytes(const char* option, const std::string& text, std::size_t size) {
    if (text.empty()) return std::string{};
    const auto bytes = parse_hex(text);
    if (!bytes || bytes->size() != size)
        return fail(fmt::format("{} {} is not {} bytes", option, text, size),
                    fmt::format("write it with {} hexadecimal digits", 2 * size));
    return to_base64(*bytes);
}

Result<std::array<std::byte, 16>> read_key(const char* option, const std::string& path) {
    const auto bytes = TRY(read_exactly(option, path, 16));
    std::array<std::byte, 16> key;
    std::copy(bytes.begin(), bytes.end(), key.begin());
    return key;
}

Result<void> set_required(SevGuest& guest, const SevOptions& options, const QemuFacts& facts,
                          const SevHost& host) {
    guest.required = TRY(parse_required_features(options.require, guest.platform));
    const auto& properties = guest.platform == Platform::kSevSnp ? facts.snp : facts.sev;
    for (const SevFeature& feature : kSevFeatureWords) {
        if ((guest.required & feature.bit) == 0) continue;
        if (!properties.contains(feature.name)) {
            return fail(fmt::format("QEMU {} cannot turn on {}", facts.version, feature.name),
                        "leave it out of --require, or use a newer QEMU; ENCLAVISOR_QEMU names it");
        }
    }
    if (guest.required == 0 || guest.platform == Platform::kSevSnp || !guest.legacy_vm_type.value_or(true))
        return {};
    return fail(fmt::format("--require {}: Linux {} has only the older kind of SEV-ES guests, which have no "
                            "features",
                            options.require, host.linux_release),
                "use Linux 6.10 or newer, or leave it out");
}

Result<void> set_policy(SevGuest& guest, const SevOptions& options) {
    constexpr std::uint32_t kNone = kSevNoDebug | kSevNoKeySharing | kSevNoSend;
    const bool es = guest.platform == Platform::kSevEs;
    guest.policy = guest.platform == Platform::kSevSnp ? kSnpDefaultPolicy
                   : es                                ? kNone | kSevEsRequired
                                                       : kNone;
    if (options.policy.empty()) return {};
    const auto bits = parse_number(options.policy);
    if (!bits) return fail(fmt::format("--policy {} is no number", options.policy), "write it like 0x30000");
    guest.policy = *bits;
    if (guest.platform == Platform::kSevSnp) {
        if (guest.policy & kSnpPolicyMustBeOne) return {};
        return fail(fmt::format("--policy {} lacks bit 17, which must be set", options.policy),
                    "give for instance 0x30000");
    }
    // Above the flags: the least version of the firmware.
    if (guest.policy >> 32 != 0 || (guest.policy & 0xffc0) != 0)
        return fail(fmt::format("--policy {} sets bits that SEV has not", options.policy), "use bits 0 to 5");
    const bool wants_es = (guest.policy & kSevEsRequired) != 0;
    if (wants_es == es) return {};
    return fail(fmt::format("--policy {} {} bit 2, which makes a guest one of SEV-ES", options.policy,
                            wants_es ? "has" : "lacks"),
                fmt::format("give --platform {}", wants_es ? "sev-es" : "sev"));
}

Result<void> set_owner(SevGuest& guest, const SevOptions& options, const Firmware& firmware) {
    if (options.session.empty() != options.dh_cert.empty())
        return fail("--session and --dh-cert belong together", "give both, of one 'sevctl session'");
    if (options.session.empty() && !options.tik.empty())
        return fail("--tik is a session's key, and there is none", "give --session and --dh-cert too");
    if (!options.launch_secret.empty() && (options.tik.empty() || options.tek.empty()))
        return fail("--launch-secret needs the keys of a session", "give --tik and --tek too");
    if (!options.tek.empty() && options.launch_secret.empty())
        return fail("--tek is for --launch-secret", "leave it out");
    if (options.session.empty()) return {};
    guest.session = TRY(encoded_file("--session", options.session, kSessionSize));
    guest.dh_cert = TRY(encoded_file("--dh-cert", options.dh_cert, kCertificateSize));
    if (options.tik.empty()) return {};
    guest.owner = SevOwner{.tik = TRY(read_key("--tik", options.tik)), .tek = {}};
    if (options.launch_secret.empty()) return {};
    guest.owner->tek = TRY(read_key("--tek", options.tek));
    guest.secret = TRY(read_file(options.launch_secret));
    const auto area = firmware.launch_secret;
    if (!area || area->size == 0)
        return fail(firmware.name + " has no place for a launch secret", "leave out --launch-secret");
    const std::size_t size = guest.secret.size();
    if (size != 0 && size % 16 == 0 && size <= area->size) return {};
    return fail(fmt::format("--launch-secret {} has {} bytes", options.launch_secret, size),
                fmt::format("it must have a multiple of 16, at most {}", area->size));
}

Result<void> set_id_block(SevGuest& guest, const SevOptions& options) {
    if (options.id_block.empty() != options.id_auth.empty())
        return fail("--id-block and --id-auth belong together",
                    "give both; the second has the signature of the first");
    if (options.id_block.empty()) return {};
    const auto bytes = TRY(read_exactly("--id-block", options.id_block, sizeof(IdBlock)));
    IdBlock block;
    std::memcpy(&block, bytes.data(), sizeof(block));
    if (options.policy.empty()) guest.policy = block.policy;
    if (block.policy != guest.policy) {
        return fail(fmt::format("--id-block {} demands policy {:#x}, and --policy says {:#x}",
                                options.id_block, block.policy, guest.policy),
                    "leave out --policy");
    }
    if (!std::equal(block.launch_digest.begin(), block.launch_digest.end(), guest.digest.begin(),
                    guest.digest.end())) {
        return fail(fmt::format("--id-block {} is for another VM, of launch digest {}", options.id_block,
                                to_hex(block.launch_digest)),
                    fmt::format("this one's is {}: make a block for it", to_hex(guest.digest)));
    }
    const auto auth = TRY(read_exactly("--id-auth", options.id_auth, kIdAuthSize));
    guest.id_block = to_base64(bytes);
    guest.id_auth = to_base64(auth);
    const auto author = std::span{auth}.subspan(kAuthorKey, kAuthorKeySize);
    guest.author_key =
        std::any_of(author.begin(), author.end(), [](std::byte b) { return b != std::byte{}; });
    return {};
}

Result<void> set_digest(SevGuest& guest, const SevRequest& request, const Firmware& firmware) {
    LaunchSpec spec{.kind = guest.platform == Platform::kSev     ? LaunchKind::kSev
                            : guest.platform == Platform::kSevEs ? LaunchKind::kSevEs
                                                                 : LaunchKind::kSevSnp,
                    .vcpus = request.cpus};
    if (guest.cpu_model.starts_with("0x"))
        return fail(fmt::format("--cpu-model {} is not QEMU's name of one", guest.cpu_model),
                    "give for instance EPYC-Milan");
    spec.vcpu_state.signature = TRY(cpu_signature(guest.cpu_model));
    spec.vcpu_state.sev_features = sev_features(guest.platform, guest.required);
    spec.vcpu_state.legacy_vm_type =
        guest.platform == Platform::kSevEs && guest.legacy_vm_type.value_or(true);
    guest.digest = TRY(launch_digest(firmware, spec));
    return {};
}

}  // namespace

Result<void> check_sev_options(Platform platform, const SevOptions& options) {
    for (const SevOption& option : kSevOptions) {
        if ((options.*option.value).empty() || option.fits(platform)) continue;
        const char* whose = !option.for_snp     ? "sev and sev-es"
                            : !option.for_sev   ? "sev-snp"
                            : option.for_models ? "sev-es and sev-snp"
                                                : "sev, sev-es and sev-snp";
        return fail(
            fmt::format("{} is for platforms {}, not {}", option.name, whose, platform_name(platform)),
            "leave it out, or give another --platform");
    }
    return {};
}

Result<SevGuest> plan_sev_guest(const SevRequest& request, const SevOptions& options, const SevHost& host,
                                const Result<QemuFacts>& qemu) {
    TRY(check_sev_options(request.platform, options));
    const auto missing = lacks(request.platform, host, qemu, request.memory_mib);
    if (!missing.empty()) {
        return fail(fmt::format("platform {}: {}", platform_name(request.platform), missing.front().cause),
                    missing.front().cure);
    }
    const QemuFacts& facts = qemu.value();
    SevGuest guest{.platform = request.platform, .cpu = host.cpu, .cpu_model = options.cpu_model};
    if (guest.cpu_model.empty()) guest.cpu_model = facts.release < std::pair{8, 1} ? "EPYC-v3" : "EPYC-v4";
    if (guest.platform != Platform::kSevSnp && facts.sev.contains("legacy-vm-type"))
        guest.legacy_vm_type = !has_newer_vm_type(host);
    TRY(set_required(guest, options, facts, host));
    const auto image = TRY(read_file(request.rom));
    const Firmware firmware = TRY(parse_firmware(image, request.rom.string()));
    TRY(set_digest(guest, request, firmware));
    TRY(set_policy(guest, options));
    TRY(set_owner(guest, options, firmware));
    TRY(set_id_block(guest, options));
    guest.host_data = TRY(hex_bytes("--host-data", options.host_data, 32));
    guest.workarounds = TRY(hex_bytes("--workarounds", options.workarounds, 16));
    if (!options.certificates.empty()) {
        if (!facts.snp.contains("certs-path")) {
            return fail(fmt::format("QEMU {} hands no certificates to guests", facts.version),
                        "leave out --certificates, or use a newer QEMU; ENCLAVISOR_QEMU names it");
        }
        (void)TRY(read_file(options.certificates));
        guest.certificates = options.certificates;
    }
    return guest;
}

bool allows_debugging(const SevGuest& guest) {
    return guest.platform == Platform::kSevSnp ? (guest.policy & kSnpDebug) != 0
                                               : (guest.policy & kSevNoDebug) == 0;
}

std::string sev_object(const SevGuest& guest) {
    const bool snp = guest.platform == Platform::kSevSnp;
    std::string text = fmt::format(
        "{},id=sev0,cbitpos={},reduced-phys-bits={},policy={:#x},kernel-hashes=off",
        snp ? "sev-snp-guest" : "sev-guest", guest.cpu.c_bit, guest.cpu.reduced_bits, guest.policy);
    const auto add = [&text](const char* name, const std::string& value) {
        if (value.empty()) return;
        text += fmt::format(",{}=", name);
        // A comma that is QEMU's value is written twice.
        for (const char c : value) text += c == ',' ? std::string{",,"} : std::string{c};
    };
    for (const SevFeature& feature : kSevFeatureWords) {
        if (guest.required & feature.bit) add(feature.name, "on");
    }
    if (guest.legacy_vm_type) add("legacy-vm-type", *guest.legacy_vm_type ? "on" : "off");
    add("dh-cert-file", guest.dh_cert);
    add("session-file", guest.session);
    add("id-block", guest.id_block);
    add("id-auth", guest.id_auth);
    if (!guest.id_auth.empty()) add("author-key-enabled", guest.author_key ? "on" : "off");
    add("host-data", guest.host_data);
    add("guest-visible-workarounds", guest.workarounds);
    add("certs-path", guest.certificates);
    return text;
}

}  // namespace enclavisor::host
