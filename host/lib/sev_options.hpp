// What a user may ask of a guest of AMD's hardware, as he writes it.
#pragma once

#include <string>

#include "host/lib/platform.hpp"

namespace enclavisor::host {

struct SevOptions {
    std::string cpu_model, policy, require;
    // SEV and SEV-ES.
    std::string session, dh_cert, tik, tek, launch_secret;
    // SEV-SNP.
    std::string id_block, id_auth, host_data, workarounds, certificates;
};

struct SevOption {
    const char* name;
    std::string SevOptions::*value;
    const char* type;
    const char* help;
    bool for_sev, for_snp;
    bool for_models = false;  // of SEV-ES and SEV-SNP

    bool fits(Platform platform) const {
        if (has_simulated_exits(platform)) return for_models;
        return is_hardware(platform) && (platform == Platform::kSevSnp ? for_snp : for_sev);
    }
};
// The one list of them: of the commands' options too.
inline constexpr SevOption kSevOptions[] = {
    {"--cpu-model", &SevOptions::cpu_model, "NAME",
     "As QEMU has it; the launch digest depends on it (default: EPYC-v4, before QEMU 8.1 EPYC-v3)", true,
     true},
    {"--policy", &SevOptions::policy, "BITS",
     "Of the guest (default: sev 0xb, sev-es 0xf, sev-snp 0x30000 or the ID block's)", true, true},
    {"--require", &SevOptions::require, "FEATURES",
     "What the processor must do for the guest: debug-swap (sev-es, sev-snp), secure-tsc (sev-snp); measured",
     true, true, true},
    {"--session", &SevOptions::session, "FILE", "sev, sev-es: its owner's session, in Base64", true, false},
    {"--dh-cert", &SevOptions::dh_cert, "FILE", "sev, sev-es: its owner's certificate, in Base64", true,
     false},
    {"--tik", &SevOptions::tik, "FILE",
     "sev, sev-es: the session's integrity key; the VM runs only if measured right", true, false},
    {"--tek", &SevOptions::tek, "FILE", "sev, sev-es: the session's encryption key, for --launch-secret",
     true, false},
    {"--launch-secret", &SevOptions::launch_secret, "FILE",
     "sev, sev-es: what the VM gets once it is measured right", true, false},
    {"--id-block", &SevOptions::id_block, "FILE", "sev-snp: what its owner demands (measure --id-block)",
     false, true},
    {"--id-auth", &SevOptions::id_auth, "FILE", "sev-snp: its owner's signature of the ID block", false,
     true},
    {"--host-data", &SevOptions::host_data, "HEX", "sev-snp: 32 bytes for its reports", false, true},
    {"--workarounds", &SevOptions::workarounds, "HEX", "sev-snp: 16 bytes, guest-visible workarounds", false,
     true},
    {"--certificates", &SevOptions::certificates, "FILE",
     "sev-snp: certificates that come with its reports (GHCB's table)", false, true},
};

}  // namespace enclavisor::host
