// A guest of AMD's hardware as it will be launched: what its user asked for, checked, with what
// this host and this QEMU make of it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "host/lib/qemu_facts.hpp"
#include "host/lib/sev_host.hpp"
#include "host/lib/sev_options.hpp"
#include "host/lib/sev_owner.hpp"

namespace enclavisor::host {

struct SevGuest {
    Platform platform;
    SevCpu cpu;
    std::string cpu_model;
    std::uint64_t policy = 0;
    std::uint64_t required = 0;          // bits of SEV_FEATURES, beside the platform's own
    std::optional<bool> legacy_vm_type;  // absent: QEMU knows the older one only
    std::string session, dh_cert;        // files
    std::string id_block, id_auth;       // Base64, as all that follows
    std::string host_data, workarounds;
    bool author_key = false;   // the ID block's key is signed in its turn
    std::string certificates;  // file

    std::vector<std::byte> digest;  // that the launch must have
    std::optional<SevOwner> owner;  // who checks that
    std::vector<std::byte> secret;  // that he gives; empty: none
};

// Bits of the policy of SEV and SEV-ES (55766, chapter 3).
enum SevPolicy : std::uint32_t { kSevNoDebug = 1, kSevNoKeySharing = 2, kSevEsRequired = 4, kSevNoSend = 8 };

struct SevRequest {
    Platform platform;
    unsigned cpus;
    std::uint64_t memory_mib;
    std::filesystem::path rom;
};

// An error if this machine lacks something, or the options ask for what cannot be.
Result<SevGuest> plan_sev_guest(const SevRequest& request, const SevOptions& options, const SevHost& host,
                                const Result<QemuFacts>& qemu);
// An error if one is given that `platform` has not.
Result<void> check_sev_options(Platform platform, const SevOptions& options);

// Its policy lets the host read its memory.
bool allows_debugging(const SevGuest& guest);

// QEMU's -object.
std::string sev_object(const SevGuest& guest);

}  // namespace enclavisor::host
