#include "host/lib/sev_launch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/lib/base64.hpp"
#include "host/lib/measure.hpp"

namespace enclavisor::host {
namespace {

using Json = nlohmann::json;

base::Failure<Error> not_what_it_should(const std::string& what) {
    return fail(what, "do not trust this host's QEMU or Linux with it until you know why");
}

template <typename T>
Result<T> field(const Json& answer, const char* command, const char* name) {
    if (answer.is_object() && answer.contains(name)) {
        const Json& value = answer[name];
        if constexpr (std::is_same_v<T, std::string>) {
            if (value.is_string()) return value.get<T>();
        } else if constexpr (std::is_same_v<T, bool>) {
            if (value.is_boolean()) return value.get<T>();
        } else if (value.is_number_unsigned() && value.get<std::uint64_t>() <= T(~T{0})) {
            return value.get<T>();
        }
    }
    return not_what_it_should(fmt::format("QEMU's {} says no {}", command, name));
}

struct Status {
    std::string state;
    std::uint8_t api_major = 0, api_minor = 0, build = 0;  // SEV and SEV-ES
};

// Of the guest that was asked for, and of no other.
Result<Status> query(Qmp& qmp, const SevGuest& guest) {
    constexpr const char* kCommand = "query-sev";
    const char* name = platform_name(guest.platform);
    const bool snp = guest.platform == Platform::kSevSnp;
    const Json answer = TRY(qmp.execute(kCommand));
    if (!TRY(field<bool>(answer, kCommand, "enabled")))
        return not_what_it_should(fmt::format("QEMU made a guest without SEV instead of {}", name));
    // Before 9.1 it knew one type only.
    const std::string wanted = snp ? "sev-snp" : "sev";
    const std::string type =
        answer.contains("sev-type") ? TRY(field<std::string>(answer, kCommand, "sev-type")) : "sev";
    if (type != wanted) {
        return not_what_it_should(fmt::format("QEMU made a guest of type {} instead of {}", type, name));
    }
    const auto policy = snp ? TRY(field<std::uint64_t>(answer, kCommand, "snp-policy"))
                            : TRY(field<std::uint32_t>(answer, kCommand, "policy"));
    if (policy != guest.policy) {
        return not_what_it_should(
            fmt::format("QEMU made a guest with policy {:#x} instead of {:#x}", policy, guest.policy));
    }
    Status status{.state = TRY(field<std::string>(answer, kCommand, "state"))};
    if (snp) return status;
    status.api_major = TRY(field<std::uint8_t>(answer, kCommand, "api-major"));
    status.api_minor = TRY(field<std::uint8_t>(answer, kCommand, "api-minor"));
    status.build = TRY(field<std::uint8_t>(answer, kCommand, "build-id"));
    return status;
}

// The guest's measurement, if it is the owner's firmware that has measured this guest.
Result<SevMac> check_measurement(Qmp& qmp, const SevGuest& guest, const Status& status) {
    constexpr const char* kCommand = "query-sev-launch-measure";
    const Json answer = TRY(qmp.execute(kCommand));
    const auto bytes = from_base64(TRY(field<std::string>(answer, kCommand, "data")));
    SevMac measurement;
    SevMeasured measured{status.api_major, status.api_minor,
                         status.build,     static_cast<std::uint32_t>(guest.policy),
                         guest.digest,     {}};
    if (!bytes || bytes->size() != measurement.size() + measured.nonce.size())
        return not_what_it_should("QEMU's query-sev-launch-measure has no measurement");
    std::copy_n(bytes->begin(), measurement.size(), measurement.begin());
    std::copy_n(bytes->begin() + measurement.size(), measured.nonce.size(), measured.nonce.begin());
    if (is_measurement(*guest.owner, measured, measurement)) return measurement;
    return fail(
        fmt::format("the VM's measurement is not the one of launch digest {}", to_hex(guest.digest)),
        "--tik must be of this --session, --cpu-model and Linux as they are measured; or the host started "
        "something else");
}

Result<void> give_secret(Qmp& qmp, const SevGuest& guest, const SevMac& measurement) {
    const auto iv = TRY(random_iv());
    const SealedSecret sealed = seal_secret(*guest.owner, guest.secret, measurement, iv);
    TRY(qmp.execute("sev-inject-launch-secret",
                    {{"packet-header", to_base64(sealed.header)}, {"secret", to_base64(sealed.bytes)}}));
    return {};
}

Result<void> expect_state(Qmp& qmp, const char* wanted, const char* when) {
    constexpr const char* kCommand = "query-status";
    const Json answer = TRY(qmp.execute(kCommand));
    const auto state = TRY(field<std::string>(answer, kCommand, "status"));
    if (state == wanted) return {};
    return not_what_it_should(fmt::format("QEMU says that the VM is {} {}, not {}", state, when, wanted));
}

}  // namespace

Result<void> finish_sev_launch(Qmp& qmp, const SevGuest& guest) {
    TRY(expect_state(qmp, "prelaunch", "before its launch is checked"));
    const Status status = TRY(query(qmp, guest));
    // SEV-SNP is launched when it goes on.
    if (guest.platform != Platform::kSevSnp && status.state != "launch-secret")
        return not_what_it_should(fmt::format("the launch is in state {}, not launch-secret", status.state));
    if (guest.owner) {
        const SevMac measurement = TRY(check_measurement(qmp, guest, status));
        if (!guest.secret.empty()) TRY(give_secret(qmp, guest, measurement));
    }
    TRY(qmp.execute("cont"));
    TRY(expect_state(qmp, "running", "after its launch"));
    const Status after = TRY(query(qmp, guest));
    if (after.state == "running") return {};
    return not_what_it_should(fmt::format("the launch is in state {}, not running", after.state));
}

}  // namespace enclavisor::host
