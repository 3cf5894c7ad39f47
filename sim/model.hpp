// The model as its socket shows it: one command after the other.
#pragma once

#include "sim/authority.hpp"
#include "sim/snp_firmware.hpp"
#include "sim/wire.hpp"

namespace enclavisor::sim {

struct Reply {
    Status status = Status::kSuccess;
    Bytes payload;
};

struct Model {
    Model(Chip its_chip, Authority its_authority, SevPlatform its_sev, std::uint64_t memory)
        : chip{std::move(its_chip)},
          authority{std::move(its_authority)},
          sev{std::move(its_sev)},
          rmp{memory} {}

    Chip chip;
    Authority authority;
    SevPlatform sev;
    Rmp rmp;
    SnpFirmware snp;

    // Any bytes may come; none end the model.
    Reply handle(Command command, BytesView request);
};

// A command and who serves it.
struct CommandRow {
    Command command;
    Result<Reply> (*serve)(Model& model, BytesView request);
};
std::span<const CommandRow> sev_commands();
std::span<const CommandRow> snp_commands();
std::span<const CommandRow> memory_commands();
std::span<const CommandRow> laboratory_commands();

// Whether nothing that a restart keeps can be another after this command. A guest's boot has millions of
// them.
bool is_about_memory(Command command);

// A request that is exactly a T; one that begins with a T.
template <Plain T>
Result<T> exactly(BytesView request) {
    const auto value = take_front<T>(request);
    if (!value || !request.empty()) return refuse(Status::kInvalidLength);
    return *value;
}
template <Plain T>
Result<T> begins_with(BytesView& request) {
    const auto value = take_front<T>(request);
    if (!value) return refuse(Status::kInvalidLength);
    return *value;
}
template <Plain T>
Reply reply_of(const T& value) {
    return {Status::kSuccess, bytes_of(value)};
}

}  // namespace enclavisor::sim
