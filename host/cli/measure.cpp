// measure: of an enclave, or of the VM that is launched.
#include "host/lib/measure.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "host/cli/commands.hpp"
#include "host/lib/application.hpp"
#include "host/lib/file.hpp"
#include "host/lib/id_block.hpp"
#include "host/lib/launch_digest.hpp"
#include "host/lib/package.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/sev_features.hpp"

namespace enclavisor::host {
namespace {

Result<int> measure_enclave(const MeasureOptions& options) {
    if (options.target.empty())
        return fail("nothing to measure is given", "enclavisor measure PROGRAM, or --platform for the VM");
    const Application application =
        TRY(describe_application(options.target, options.limit, options.allow_exec));
    const std::string digest = to_hex(measure(application));
    const std::string text = options.json ? TRY(json_text({{"measurement", digest}})) : digest + "\n";
    TRY(print(text));
    return 0;
}

Result<LaunchSpec> launch_spec(const MeasureOptions& options) {
    LaunchSpec spec{.kind = options.platform == "sev"      ? LaunchKind::kSev
                            : options.platform == "sev-es" ? LaunchKind::kSevEs
                                                           : LaunchKind::kSevSnp,
                    .vcpus = options.vcpus};
    if (options.legacy_vm_type && spec.kind != LaunchKind::kSevEs)
        return fail("--legacy-vm-type is for sev-es", "leave it out: the others' digest has no such thing");
    if (options.sev_features && spec.kind != LaunchKind::kSevSnp)
        return fail("--sev-features is for sev-snp", "leave it out; of sev-es, say --require debug-swap");
    if (options.sev_features && !options.require.empty())
        return fail("--sev-features and --require say the same", "give one of them");
    if (options.legacy_vm_type && !options.require.empty())
        return fail("--require is for guests that --legacy-vm-type excludes", "give one of them");
    const Platform platform = TRY(parse_platform(options.platform));
    const std::uint64_t required = TRY(parse_required_features(options.require, platform));
    if (!options.id_block.empty() && spec.kind != LaunchKind::kSevSnp)
        return fail("--id-block is for sev-snp", "leave it out: the others have none");
    if (options.id_block.empty() && (options.policy || options.guest_svn)) {
        return fail("--policy and --guest-svn go into the ID block, not into the digest",
                    "give --id-block FILE, or leave them out");
    }
    if (spec.kind == LaunchKind::kSev) return spec;
    if (options.cpu_model.empty())
        return fail("the digest of " + options.platform + " depends on the vCPUs' model",
                    "give --cpu-model as QEMU has it, for instance EPYC-v4");
    spec.vcpu_state.signature = TRY(cpu_signature(options.cpu_model));
    spec.vcpu_state.legacy_vm_type = options.legacy_vm_type;
    spec.vcpu_state.sev_features = options.sev_features.value_or(sev_features(platform, required));
    return spec;
}

Result<void> write_id_block(const MeasureOptions& options, std::span<const std::byte> digest) {
    IdBlock block{.guest_svn = options.guest_svn.value_or(0),
                  .policy = options.policy.value_or(kSnpDefaultPolicy)};
    if ((block.policy & kSnpPolicyMustBeOne) == 0)
        return fail("this policy lacks bit 17, which must be set", "give for instance --policy 0x30000");
    std::copy(digest.begin(), digest.end(), block.launch_digest.begin());
    return write_file(options.id_block, {reinterpret_cast<const char*>(&block), sizeof(block)});
}

Result<int> measure_launch(const MeasureOptions& options) {
    if (!options.target.empty() || !options.limit.empty() || options.allow_exec)
        return fail("--platform measures a VM, which has nothing to do with a program",
                    "leave out either --platform or the program and its options");
    const LaunchSpec spec = TRY(launch_spec(options));
    std::filesystem::path path = options.firmware;
    if (path.empty()) path = TRY(find_launch_rom(options.platform));
    const auto image = TRY(read_file(path));
    const Firmware firmware = TRY(parse_firmware(image, path.string()));
    const auto digest = TRY(launch_digest(firmware, spec));
    if (!options.id_block.empty()) TRY(write_id_block(options, digest));
    nlohmann::json json{
        {"platform", options.platform}, {"firmware", path.string()}, {"launch_digest", to_hex(digest)}};
    if (spec.kind != LaunchKind::kSev) {
        json["vcpus"] = spec.vcpus;
        json["cpu_signature"] = spec.vcpu_state.signature;
        json["sev_features"] = spec.vcpu_state.sev_features;
    }
    const std::string text = options.json ? TRY(json_text(json)) : to_hex(digest) + "\n";
    TRY(print(text));
    return 0;
}

}  // namespace

Result<int> measure_command(const MeasureOptions& options) {
    return options.platform.empty() ? measure_enclave(options) : measure_launch(options);
}

}  // namespace enclavisor::host
