// What goes over the model's socket: a request, then its reply, each a header and as many bytes as it says.
// Little endian. Commands of the firmware have the numbers of the SEV API and the SNP ABI; where those have
// an address of memory, a request here has the bytes, and a reply the bytes that would be written.
#pragma once

#include "sim/rmp.hpp"
#include "sim/sev_platform.hpp"
#include "sim/snp_guest.hpp"

namespace enclavisor::sim {

enum class Command : std::uint32_t {
    // SEV and SEV-ES.
    kInit = 0x01,
    kShutdown = 0x02,
    kPlatformReset = 0x03,
    kPlatformStatus = 0x04,
    kPekGenerate = 0x05,
    kPdhExport = 0x08,
    kPdhGenerate = 0x09,
    kGetId = 0x0C,
    kDecommission = 0x20,
    kActivate = 0x21,
    kDeactivate = 0x22,
    kGuestStatus = 0x23,
    kLaunchStart = 0x30,
    kLaunchUpdateData = 0x31,
    kLaunchUpdateVmsa = 0x32,
    kLaunchMeasure = 0x33,
    kLaunchSecret = 0x34,
    kLaunchFinish = 0x35,
    // SNP.
    kSnpInit = 0x81,
    kSnpPlatformStatus = 0x83,
    kSnpDecommission = 0x90,
    kSnpActivate = 0x91,
    kSnpGuestStatus = 0x92,
    kSnpContextCreate = 0x93,
    kSnpGuestRequest = 0x94,
    kSnpLaunchStart = 0xA0,
    kSnpLaunchUpdate = 0xA1,
    kSnpLaunchFinish = 0xA2,
    kSnpPageReclaim = 0xC7,
    kSnpPageUnsmash = 0xC8,
    kSnpConfig = 0xC9,
    kSnpCommit = 0xCB,
    kSnpVlekLoad = 0xCD,
    // What the hypervisor answers to an extended request: the guest's message and the certificates.
    kExtendedRequest = 0x100,
    // Instructions, of the hypervisor and of guests, and what an access to memory meets.
    kRmpUpdate = 0x110,
    kSmash = 0x111,
    kRmpRead = 0x112,
    kPageStateChange = 0x113,
    kPvalidate = 0x120,
    kRmpAdjust = 0x121,
    kAccess = 0x122,
    // The laboratory: what no processor offers.
    kCertificate = 0x200,
    kSetTcb = 0x201,
    kDescribe = 0x202,
    kRevoke = 0x203,
    kLaunchDigest = 0x204,
};

struct RequestHeader {
    Command command;
    std::uint32_t size;
};
struct ReplyHeader {
    Status status;
    std::uint32_t size;
};
inline constexpr std::uint32_t kMostRequest = kLargePage + 0x10000;

// Requests and replies whose bytes are not a structure of another header. A reply is empty unless something
// is said.

struct GuestNumber {
    std::uint32_t guest;  // in replies: of the new guest
};

// Flags: 0, SEV-ES.
struct SevInitRequest {
    std::uint32_t flags;
};

struct SevPlatformStatus {
    std::uint8_t api_major, api_minor;
    SevPlatformState state;
    std::uint8_t owner;           // 0: self-owned
    std::uint32_t configuration;  // 31:24 build, 0 SEV-ES
    std::uint32_t guests;
};

struct SevGuestStatus {
    std::uint32_t policy, asid;
    SevGuestState state;
};

// With an owner, his SevCertificate and SevSession follow. The reply is a GuestNumber.
struct SevStartRequest {
    std::uint32_t handle, policy, has_owner;
};

// The sealed secret follows. The reply is what the guest finds at `address`.
struct SevSecretRequest {
    std::uint64_t address;
    std::uint32_t guest, size;
    SecretHeader header;
    std::uint32_t reserved;
};

struct SnpPlatformStatus {
    std::uint8_t api_major, api_minor, state, rmp_initialized;
    std::uint32_t build;
    std::uint32_t flags;  // 0 MASK_CHIP_ID, 1 MASK_CHIP_KEY, 2 VLEK loaded
    std::uint32_t guests;
    std::uint64_t current_tcb, reported_tcb;
};

struct ActivateRequest {
    std::uint32_t guest, asid;
};

struct SnpGuestStatus {
    std::uint64_t policy;
    std::uint32_t asid;
    SnpState state;
};

struct SnpStartRequest {
    std::uint32_t guest, reserved;
    SnpStart start;
};

// The page's bytes follow. The reply is what the guest will find there; with kInvalidParam for a CPUID page,
// the table that would be accepted.
struct SnpUpdateRequest {
    std::uint32_t guest, reserved;
    SnpUpdate update;
};

struct SnpFinishRequest {
    std::uint32_t guest, reserved;
    SnpFinish finish;
};

// The reply to kSnpGuestRequest is the page that answers.
struct GuestMessageRequest {
    std::uint32_t guest, reserved;
    Block<kMessagePage> page;
};

// `pages`: how much room the guest has for the certificates.
struct ExtendedRequest {
    std::uint32_t guest, pages;
    Block<kMessagePage> page;
};
// The table, of `pages` pages, follows, then the page that answers. With too little room nothing follows, the
// message is untouched and `pages` says what is needed.
struct ExtendedReply {
    std::uint32_t host_error;  // kHostTooSmall, or 0
    Status firmware_error;
    std::uint32_t pages, reserved;
};
inline constexpr std::uint32_t kHostTooSmall = 1;

struct ConfigRequest {
    std::uint64_t reported_tcb;
    std::uint32_t flags;  // 0 MASK_CHIP_ID, 1 MASK_CHIP_KEY
    std::uint32_t reserved;
};

// The provider's name follows.
struct VlekRequest {
    std::uint64_t tcb;
};

// Flags: 0 assigned, 1 immutable, 2 large; in replies also 3 validated, 4 VMSA.
struct RmpUpdateRequest {
    std::uint64_t system_address, guest_address;
    std::uint32_t asid, flags;
};
struct SystemPage {
    std::uint64_t system_address;
};
struct HostReply {
    HostOutcome outcome;
};
struct RmpReadReply {
    std::uint64_t guest_address;
    std::uint32_t asid, flags;
    std::array<std::uint8_t, kLevels> rights;
    std::uint32_t reserved;
};

// What an honest hypervisor does when a guest asks for a page state change (GHCB: 1 private, 2 shared, 3
// smash, 4 unsmash).
struct PageStateRequest {
    std::uint64_t system_address, guest_address;
    std::uint32_t asid;
    std::uint16_t operation;
    std::uint16_t large;
};

struct GuestPlace {
    std::uint32_t asid, level;
    std::uint64_t guest_address, system_address;
    std::uint32_t mapped_large, reserved;
};
struct PvalidateRequest {
    GuestPlace place;
    std::uint32_t large, validate;
};
struct RmpAdjustRequest {
    GuestPlace place;
    std::uint32_t large, target, rights, vmsa;
};
struct AccessRequest {
    GuestPlace place;
    Access kind;
    std::uint32_t is_private;
};
struct GuestReply {
    GuestEnd end;
    GuestCode code;
    std::uint32_t unchanged, reserved;
    std::uint64_t fault;
};

enum class CertificateKind : std::uint32_t {
    kArk = 0,
    kAsk = 1,
    kAsvk = 2,
    kVcek = 3,
    kVlek = 4,
    kRevocationList = 5,
    kSevArk = 6,
    kSevAsk = 7,
    kCek = 8,
};
// `tcb`: of a VCEK or VLEK; zero is what is reported. The reply is the certificate, DER or in SEV's form.
struct CertificateRequest {
    CertificateKind kind;
    std::uint32_t reserved;
    std::uint64_t tcb;
};

struct SetTcbRequest {
    std::uint64_t current_tcb;
};
struct DescribeRequest {
    std::uint32_t report_version, reserved;
    std::uint64_t platform_info, mitigations;
};
// The reply is the digest as it is now: 32 bytes of an SEV guest, 48 of an SNP guest.
struct LaunchDigestRequest {
    std::uint32_t guest, snp;  // 0: an SEV guest
};
struct RevokeRequest {
    CertificateKind kind;  // ASK or ASVK
};

}  // namespace enclavisor::sim
