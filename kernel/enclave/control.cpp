#include "kernel/enclave/control.hpp"

#include <cstddef>

#include "abi/evidence/vm_report.hpp"
#include "kernel/arch/cpu.hpp"
#include "kernel/arch/cpus.hpp"
#include "kernel/boundary/doorbell.hpp"
#include "kernel/enclave/build.hpp"
#include "kernel/enclave/fork.hpp"
#include "kernel/enclave/threads.hpp"
#include "kernel/kernel.hpp"
#include "kernel/platform/platform.hpp"

namespace enclavisor::kernel {
namespace {

using abi::Command;
using abi::ControlStatus;
using abi::EnclaveState;

HostPtr<abi::ControlRing> ring() {
    return HostPtr<abi::ControlRing>{kLinkVirt + abi::kControlOffset};
}

std::uint32_t submitted() {
    return ring().member<std::uint32_t>(offsetof(abi::ControlRing, submitted)).read();
}

abi::ControlCommand read_command(std::uint32_t index) {
    return ring()
        .member<abi::ControlCommand>(offsetof(abi::ControlRing, commands))
        .element(index % abi::kControlDepth)
        .read();
}

// The request that has the attestation enclave hash one record.
abi::AttestRequest record(std::uint32_t place, abi::RecordKind kind) {
    abi::AttestRequest request{};
    request.operation = static_cast<std::uint64_t>(abi::AttestOperation::kRecord);
    request.place = place;
    request.record.kind = static_cast<std::uint64_t>(kind);
    return request;
}

// TSC ticks that vCPUs spent idle, up to now.
std::uint64_t idle_ticks() {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < Cpus::count(); i++) {
        const PerCpu& cpu = Cpus::at(i);
        sum += cpu.idle_ticks;
        if (cpu.idle_since != 0) sum += arch::read_tsc() - cpu.idle_since;
    }
    return sum;
}

}  // namespace

bool Control::has_work() const {
    if (taken_ != completed_) return destroying_;
    return submitted() != taken_;
}

void Control::poll(Kernel& kernel) {
    for (;;) {
        if (taken_ != completed_) {
            if (!destroying_ || !subject_->torn_down) return;
            kernel.enclaves.remove(kernel.frames, subject_);
            destroying_ = false;
            complete(kernel, answer_);
        }
        if (credit_ == 0) return;
        // Free-running indices: a host that submits more than the ring holds
        // overwrites its own commands, nothing else.
        if (submitted() == taken_) return;
        credit_--;
        acquire_fence();
        const abi::ControlCommand command = read_command(taken_);
        taken_++;
        current_id_ = command.id;
        const Outcome outcome = execute(kernel, command);
        if (outcome.pending) {
            answer_ = outcome;
        } else {
            complete(kernel, outcome);
        }
    }
}

void Control::complete(Kernel& kernel, const Outcome& outcome) {
    abi::ControlCompletion completion{current_id_, static_cast<std::int32_t>(outcome.status), {}};
    for (int i = 0; i < 7; i++) completion.values[i] = outcome.values[i];
    ring()
        .member<abi::ControlCompletion>(offsetof(abi::ControlRing, completions))
        .element(completed_ % abi::kControlDepth)
        .write(completion);
    publish_fence();
    completed_++;
    ring().member<std::uint32_t>(offsetof(abi::ControlRing, completed)).write(completed_);
    if (kernel.link.host_waits()) ring_doorbell();
}

void Control::answered(Kernel& kernel, const abi::AttestRequest& reply) {
    if (taken_ == completed_) return;  // the attestation enclave's own start
    const std::uint8_t* digest = reply.digest;
    if (report_ != nullptr) finish_report(kernel, reply);
    if (member_count_ != 0) {
        if (members_hashed_ <= member_count_) {
            hash_group(kernel);
            return;
        }
        finish_group(kernel, digest);
    }
    if (sealing_) {
        sealing_ = false;
        subject_->state = EnclaveState::kSealed;
        kernel.attestation.give_back(*subject_->place);
        subject_->place.reset();
        __builtin_memcpy(subject_->measurement, digest, abi::kMeasurementSize);
        __builtin_memcpy(answer_.values, digest, abi::kMeasurementSize);
        publish_status(kernel, *subject_, {});
    }
    complete(kernel, answer_);
    poll(kernel);
}

Control::Outcome Control::execute(Kernel& kernel, const abi::ControlCommand& command) {
    const std::uint64_t* arguments = command.arguments;
    switch (static_cast<Command>(command.command)) {
        case Command::kHello:
            return hello(kernel);
        case Command::kCreate:
            return create(kernel, arguments);
        case Command::kStats:
            return stats(kernel);
        case Command::kSetTenant:
            return set_tenant(kernel, arguments);
        case Command::kSealGroup:
            return seal_group(kernel, arguments);
        case Command::kVmReport:
            return vm_report(kernel, arguments[0]);
        case Command::kAddPages:
        case Command::kAddZeroPages:
        case Command::kAddThread:
        case Command::kSeal:
        case Command::kStart:
        case Command::kStop:
        case Command::kDestroy:
        case Command::kFork:
        case Command::kNotify:
        case Command::kPause:
        case Command::kResume:
        case Command::kInterrupt:
        case Command::kReport:
            break;
        default:
            return {ControlStatus::kUnknownCommand};
    }
    subject_ = kernel.enclaves.find(arguments[0]);
    if (subject_ == nullptr || kernel.attestation.is(*subject_)) return {ControlStatus::kBadHandle};
    switch (static_cast<Command>(command.command)) {
        case Command::kStart:
            return start(kernel, *subject_);
        case Command::kStop:
            return stop(kernel, *subject_);
        case Command::kDestroy:
            return destroy(kernel, *subject_);
        case Command::kFork:
            return fork(kernel, *subject_, arguments[1]);
        case Command::kNotify:
            notify(kernel, *subject_);
            return {ControlStatus::kOk};
        case Command::kPause:
            return pause(kernel, *subject_, true);
        case Command::kResume:
            return pause(kernel, *subject_, false);
        case Command::kInterrupt:
            return interrupt(kernel, *subject_);
        case Command::kReport:
            return report(*subject_);
        default:
            break;
    }
    if (subject_->state != EnclaveState::kBuilding) return {ControlStatus::kBadState};
    switch (static_cast<Command>(command.command)) {
        case Command::kAddPages:
            return add_pages(kernel, arguments);
        case Command::kAddZeroPages:
            return add_zero_pages(kernel, arguments);
        case Command::kAddThread:
            return add_thread(kernel, arguments);
        default:
            return seal(kernel, *subject_);
    }
}

Control::Outcome Control::hello(Kernel& kernel) {
    return {ControlStatus::kOk,
            false,
            {abi::kLinkVersion, static_cast<std::uint64_t>(CurrentPlatform::kKind),
             kernel.frames.total_count(), kernel.frames.free_count(), Cpus::count()}};
}

Control::Outcome Control::stats(Kernel& kernel) {
    return {ControlStatus::kOk,
            false,
            {kernel.frames.free_count(), kernel.frames.total_count(), kernel.enclaves.live(),
             kernel.ignored_interrupts, idle_ticks(), arch::read_tsc()}};
}

Control::Outcome Control::create(Kernel& kernel, const std::uint64_t* arguments) {
    const BuildAttributes attributes{arguments[0], arguments[1], arguments[2],
                                     arguments[3], arguments[4], arguments[5]};
    if (!attributes.valid() || arguments[6] >= abi::kMaxTenants) return {ControlStatus::kBadRange};
    Tenant& tenant = kernel.tenants[arguments[6]];
    if (tenant.enclaves >= tenant.most_enclaves || tenant.pages >= tenant.most_pages)
        return {ControlStatus::kTenantLimit};
    const auto place = kernel.attestation.take_place();
    if (!place) return {ControlStatus::kNoSlot};
    subject_ = kernel.enclaves.create(kernel.frames, tenant, attributes.memory_limit);
    if (subject_ == nullptr) {
        kernel.attestation.give_back(*place);
        return {ControlStatus::kNoSlot};
    }
    subject_->place = place;
    attributes.apply(*subject_);
    publish_status(kernel, *subject_, {});
    abi::AttestRequest request = record(*subject_->place, abi::RecordKind::kCreate);
    for (int i = 0; i < 6; i++) request.record.fields[i] = arguments[i];
    kernel.attestation.submit(kernel, request);
    return {ControlStatus::kOk, true, {subject_->handle}};
}

Control::Outcome Control::add_pages(Kernel& kernel, const std::uint64_t* arguments) {
    const auto range = PageRange::parse(arguments[1], arguments[2]);
    const auto permissions = Permissions::parse(arguments[3]);
    const std::uint64_t offset = arguments[4];
    if (!range || range->count.value > abi::kMaxPagesPerCommand || offset % abi::kPageSize != 0 ||
        !base::range_within(offset, range->count.value * abi::kPageSize, 0, abi::kControlDataSize)) {
        return {ControlStatus::kBadRange};
    }
    if (!permissions || !permissions->any()) return {ControlStatus::kBadPermissions};
    const ControlStatus status = build_pages(kernel, *subject_, *range, *permissions, offset);
    if (status != ControlStatus::kOk) return {status};
    abi::AttestRequest request = record(*subject_->place, abi::RecordKind::kPage);
    request.pages = range->count.value;
    request.record.fields[0] = arguments[1];
    request.record.fields[1] = arguments[3];
    kernel.attestation.submit(kernel, request);
    return {ControlStatus::kOk, true};
}

Control::Outcome Control::add_zero_pages(Kernel& kernel, const std::uint64_t* arguments) {
    const auto range = PageRange::parse(arguments[1], arguments[2]);
    const auto permissions = Permissions::parse(arguments[3]);
    if (!range) return {ControlStatus::kBadRange};
    if (!permissions || !permissions->any()) return {ControlStatus::kBadPermissions};
    const ControlStatus status = build_zero_pages(kernel, *subject_, *range, *permissions);
    if (status != ControlStatus::kOk) return {status};
    abi::AttestRequest request = record(*subject_->place, abi::RecordKind::kZeroPages);
    for (int i = 0; i < 3; i++) request.record.fields[i] = arguments[i + 1];
    kernel.attestation.submit(kernel, request);
    return {ControlStatus::kOk, true};
}

Control::Outcome Control::add_thread(Kernel& kernel, const std::uint64_t* arguments) {
    const std::uint64_t entry = arguments[1];
    const auto block = PageRange::parse(arguments[2], 1);
    const std::uint64_t io_offset = arguments[4], io_pages = arguments[5];
    if (!kernel.link.is_io_area(io_offset, io_pages)) return {ControlStatus::kBadRange};
    const auto io = PageRange::parse(arguments[3], io_pages);
    if (!block || !io || entry >= abi::kEnclaveEnd) return {ControlStatus::kBadRange};
    const ControlStatus status = build_thread(kernel, *subject_, VirtAddr{entry}, *block, *io, io_offset);
    if (status != ControlStatus::kOk) return {status};
    abi::AttestRequest request = record(*subject_->place, abi::RecordKind::kThread);
    request.record.fields[0] = entry;
    request.record.fields[1] = arguments[2];
    request.record.fields[2] = arguments[3];
    request.record.fields[3] = io_pages;
    kernel.attestation.submit(kernel, request);
    return {ControlStatus::kOk, true};
}

Control::Outcome Control::seal(Kernel& kernel, Enclave& enclave) {
    abi::AttestRequest request = record(*enclave.place, abi::RecordKind::kSeal);
    request.operation = static_cast<std::uint64_t>(abi::AttestOperation::kFinish);
    kernel.attestation.submit(kernel, request);
    sealing_ = true;
    return {ControlStatus::kOk, true};
}

Control::Outcome Control::seal_group(Kernel& kernel, const std::uint64_t* handles) {
    std::uint64_t count = 0;
    for (std::uint64_t i = 0; i < abi::kMaxGroupMembers; i++) {
        if (handles[i] == 0) continue;
        Enclave* member = kernel.enclaves.find(handles[i]);
        if (member == nullptr || kernel.attestation.is(*member)) return {ControlStatus::kBadHandle};
        if (member->state != EnclaveState::kSealed || member->group != 0) return {ControlStatus::kBadState};
        for (std::uint64_t j = 0; j < count; j++) {
            if (members_[j] == member) return {ControlStatus::kBadHandle};
        }
        members_[count++] = member;
    }
    if (count == 0) return {ControlStatus::kBadHandle};
    const auto place = kernel.attestation.take_place();
    if (!place) return {ControlStatus::kNoSlot};
    group_place_ = *place;
    member_count_ = count;
    members_hashed_ = 0;
    abi::AttestRequest request = record(group_place_, abi::RecordKind::kGroup);
    request.record.fields[0] = count;
    kernel.attestation.submit(kernel, request);
    return {ControlStatus::kOk, true};
}

// The next member's measurement, or the end.
void Control::hash_group(Kernel& kernel) {
    const bool more = members_hashed_ < member_count_;
    abi::AttestRequest request =
        record(group_place_, more ? abi::RecordKind::kMember : abi::RecordKind::kSeal);
    if (more) {
        __builtin_memcpy(request.record.fields, members_[members_hashed_]->measurement,
                         abi::kMeasurementSize);
    } else {
        request.operation = static_cast<std::uint64_t>(abi::AttestOperation::kFinish);
    }
    members_hashed_++;
    kernel.attestation.submit(kernel, request);
}

void Control::finish_group(Kernel& kernel, const std::uint8_t* digest) {
    kernel.attestation.give_back(group_place_);
    last_group_++;
    for (std::uint64_t i = 0; i < member_count_; i++) {
        members_[i]->group = last_group_;
        __builtin_memcpy(members_[i]->group_measurement, digest, abi::kMeasurementSize);
    }
    member_count_ = 0;
    __builtin_memcpy(answer_.values, digest, abi::kMeasurementSize);
}

Control::Outcome Control::start(Kernel& kernel, Enclave& enclave) {
    if (enclave.state != EnclaveState::kSealed || enclave.threads.empty()) return {ControlStatus::kBadState};
    enclave.state = EnclaveState::kRunning;
    publish_status(kernel, enclave, {});
    for (Thread* t = enclave.threads.first(); t != nullptr; t = ThreadList::next(t))
        kernel.scheduler.make_ready(t);
    return {ControlStatus::kOk};
}

Control::Outcome Control::stop(Kernel& kernel, Enclave& enclave) {
    if (enclave.state == EnclaveState::kStopped) return {ControlStatus::kBadState};
    if (enclave.instances != 0) return {ControlStatus::kInUse};
    end_enclave(kernel, enclave, {.reason = abi::EndReason::kStopped});
    return {ControlStatus::kOk};
}

Control::Outcome Control::destroy(Kernel& kernel, Enclave& enclave) {
    if (enclave.state == EnclaveState::kRunning) return {ControlStatus::kBadState};
    if (enclave.instances != 0) return {ControlStatus::kInUse};
    if (enclave.state != EnclaveState::kStopped) {
        end_enclave(kernel, enclave, {.reason = abi::EndReason::kStopped});
    }
    destroying_ = true;
    return {ControlStatus::kOk, true};
}

Control::Outcome Control::set_tenant(Kernel& kernel, const std::uint64_t* arguments) {
    if (arguments[0] >= abi::kMaxTenants) return {ControlStatus::kBadRange};
    Tenant& tenant = kernel.tenants[arguments[0]];
    tenant.most_pages = arguments[1];
    tenant.most_threads = arguments[2];
    tenant.most_enclaves = arguments[3];
    return {ControlStatus::kOk, false, {tenant.pages, tenant.threads, tenant.enclaves}};
}

Control::Outcome Control::fork(Kernel& kernel, Enclave& origin, std::uint64_t io_offset) {
    const std::uint64_t begin = arch::read_tsc();
    if (origin.state != EnclaveState::kTemplate) return {ControlStatus::kBadState};
    const std::uint64_t window = origin.io_pages * abi::kPageSize;
    const bool fits =
        origin.has_runtime()
            ? kernel.link.is_io_area(io_offset, origin.io_pages)
            : io_offset % 64 == 0 && base::range_within(io_offset, origin.call_word.value_or(0) + 64,
                                                        origin.io_offset, origin.io_offset + window);
    if (!fits) return {ControlStatus::kBadRange};
    if (origin.tenant->enclaves >= origin.tenant->most_enclaves) return {ControlStatus::kTenantLimit};
    const Forked forked = kernel::fork(kernel, origin, io_offset);
    if (forked.instance == nullptr) return {forked.status};
    return {forked.status, false, {forked.instance->handle, begin}};
}

Control::Outcome Control::pause(Kernel& kernel, Enclave& enclave, bool paused) {
    if (enclave.state != (paused ? EnclaveState::kRunning : EnclaveState::kPaused))
        return {ControlStatus::kBadState};
    if (paused) {
        kernel::pause(kernel, enclave);
    } else {
        kernel::resume(kernel, enclave);
    }
    return {ControlStatus::kOk};
}

Control::Outcome Control::report(Enclave& enclave) {
    for (std::uint32_t i = 0; i < Cpus::count(); i++) {
        PerCpu& cpu = Cpus::at(i);
        if (cpu.loaded != nullptr && cpu.loaded->enclave == &enclave) account(cpu);
    }
    return {ControlStatus::kOk, false, {enclave.used, enclave.limit, enclave.ticks}};
}

Control::Outcome Control::vm_report(Kernel& kernel, std::uint64_t offset) {
    if (kernel.attestation.message() == nullptr) return {ControlStatus::kUnsupported};
    if (offset % abi::kPageSize != 0 || offset >= abi::kControlDataSize) return {ControlStatus::kBadRange};
    report_ = kernel.link.control_data(offset);
    __builtin_memcpy(kernel.attestation.message(), report_, abi::kReportDataSize);
    abi::AttestRequest request{};
    request.operation = static_cast<std::uint64_t>(abi::AttestOperation::kReport);
    kernel.attestation.submit(kernel, request);
    return {ControlStatus::kOk, true};
}

void Control::finish_report(Kernel& kernel, const abi::AttestRequest& reply) {
    if (reply.refusal == 0) {
        __builtin_memcpy(report_, kernel.attestation.message(), abi::kReportSize);
    } else {
        answer_ = {ControlStatus::kRefused, false, {reply.refusal, reply.detail}};
    }
    report_ = nullptr;
}

Control::Outcome Control::interrupt(Kernel& kernel, Enclave& enclave) {
    const bool lives = enclave.state == EnclaveState::kRunning || enclave.state == EnclaveState::kPaused;
    if (!lives || !enclave.has_runtime() || enclave.threads.empty()) return {ControlStatus::kBadState};
    kernel::interrupt(kernel, enclave.threads.first());
    return {ControlStatus::kOk};
}

}  // namespace enclavisor::kernel
