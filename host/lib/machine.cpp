#include "host/lib/machine.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <tuple>

#include "host/lib/fd_message.hpp"
#include "host/lib/qemu_command.hpp"
#include "host/lib/sev_features.hpp"
#include "host/lib/sev_launch.hpp"
#include "host/lib/shared_word.hpp"
#include "host/lib/text.hpp"
#include "host/lib/tsc.hpp"

namespace enclavisor::host {
namespace {

constexpr std::uint64_t kIcountTscKhz = 1'000'000;  // shift=0: one tick per nanosecond

Result<Fd> memory_file(const char* name, std::uint64_t mib) {
    Fd fd{::memfd_create(name, MFD_CLOEXEC)};
    if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(mib << 20)) != 0) {
        return fail(fmt::format("cannot create guest memory: {}", std::strerror(errno)));
    }
    return fd;
}

}  // namespace

Result<std::uint64_t> parse_machine_memory(const std::string& text) {
    constexpr std::uint64_t kLeast = 64ull << 20;
    const auto size = parse_size(text);
    if (!size || *size < kLeast) {
        return fail(fmt::format("--memory {} is not enough or not a size", text),
                    "write it like 512M; at least 64M");
    }
    return *size >> 20;
}

Result<std::unique_ptr<Machine>> Machine::launch(const MachineOptions& options) {
    auto link = TRY(Link::create(options.link_size, options.icount ? kIcountTscKhz : measure_tsc_khz()));
    std::unique_ptr<Machine> machine{new Machine{std::move(link), options}};
    machine->cancelled_ = options.cancelled;
    TRY(machine->start_qemu(options));
    if (machine->sev_) TRY(machine->launch_sev(options));
    if (options.wait_for_kernel) TRY(machine->wait_until_ready(options));
    return machine;
}

Result<void> Machine::start_qemu(const MachineOptions& options) {
    QemuSpec spec;
    spec.platform = options.platform;
    spec.memory_mib = options.memory_mib;
    spec.cpus = options.cpus;
    spec.cpu = options.cpu;
    spec.icount = options.icount;
    spec.extra = options.extra_arguments;
    spec.qemu = options.qemu.empty() ? TRY(find_qemu()) : options.qemu;
    spec.rom = options.rom.empty() ? TRY(find_rom(options.platform)) : options.rom;
    const auto choice = TRY(choose_accelerator(options.icount ? "tcg" : options.accelerator));
    spec.accelerator = choice.accelerator;

    TRY(check_sev_options(spec.platform, options.sev));
    Fd monitor_client;
    if (is_hardware(spec.platform)) {
        sev_ = TRY(plan_sev_guest({spec.platform, spec.cpus, spec.memory_mib, spec.rom}, options.sev,
                                  read_sev_host(), ask_qemu(spec.qemu)));
        if (choice.accelerator != Accelerator::kKvm) {
            return fail(fmt::format("platform {} needs KVM, and TCG is taken: {}",
                                    platform_name(spec.platform), choice.reason),
                        "leave out --accel, and unset ENCLAVISOR_ACCEL");
        }
        spec.sev = &*sev_;
        std::tie(monitor_, monitor_client) = TRY(socket_pair(SOCK_STREAM));
        spec.monitor_fd = monitor_client.get();
    }

    ivshmem_ = TRY(prepare_ivshmem(link_.fd()));
    spec.link_fd = ivshmem_.client.get();
    auto [serial, serial_client] = TRY(socket_pair(SOCK_STREAM));
    serial_ = std::move(serial);
    spec.serial_fd = serial_client.get();
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0)
        return fail(fmt::format("cannot create a pipe: {}", std::strerror(errno)));
    standard_error_ = Fd{pipe[0]};
    const Fd error_writer{pipe[1]};
    const Fd nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};

    SpawnOptions spawn;
    TRY(make_memory(options, spec));
    if (has_simulated_exits(options.platform)) TRY(launch_simulation(options, spec, error_writer.get()));
    spawn.inherit = {spec.link_fd, spec.serial_fd};
    for (const int fd : {spec.shared_ram_fd, spec.private_ram_fd, spec.carrier_fd, spec.monitor_fd}) {
        if (fd >= 0) spawn.inherit.push_back(fd);
    }
    spawn.standard_input = nothing.get();
    spawn.standard_output = error_writer.get();
    spawn.standard_error = error_writer.get();
    spawn.own_group = true;
    command_line_ = qemu_command(spec);
    qemu_ = std::make_unique<Process>(TRY(Process::spawn(command_line_, spawn)));
    ivshmem_.client.reset();
    carrier_.doors.reset();

    events_ = std::make_unique<Events>(
        link_, pool_, log_,
        Events::Sources{ivshmem_.host_doorbell.get(), qemu_->pidfd(), serial_.get(), standard_error_.get(),
                        carrier_.process ? carrier_.process->pidfd() : -1});
    control_ = std::make_unique<ControlClient>(link_, *events_, ivshmem_.guest_doorbell.get());
    control_->set_explainer([this](const std::string& what) { return explain(what); });
    return {};
}

Result<void> Machine::make_memory(const MachineOptions& options, QemuSpec& spec) {
    if (!options.expose_memory && !has_simulated_exits(options.platform)) return {};
    shared_memory_fd_ = TRY(memory_file("guest-shared", options.memory_mib));
    spec.shared_ram_fd = shared_memory_fd_.get();
    const std::uint64_t private_mib = private_memory_mib(options.memory_mib);
    if (is_simulated(options.platform)) {
        private_memory_fd_ = TRY(memory_file("guest-private", private_mib));
        spec.private_ram_fd = private_memory_fd_.get();
    }
    if (!options.expose_memory) return {};
    shared_memory_ = TRY(Mapping::create(spec.shared_ram_fd, 0, options.memory_mib << 20));
    if (private_memory_fd_) private_memory_ = TRY(Mapping::create(spec.private_ram_fd, 0, private_mib << 20));
    return {};
}

Result<void> Machine::launch_simulation(const MachineOptions& options, QemuSpec& spec, int standard_error) {
    const auto required = TRY(parse_required_features(options.sev.require, options.platform));
    auto started = start_carrier({options.platform, spec.rom, options.cpus, options.memory_mib, required,
                                  link_.header().tsc_khz, spec.shared_ram_fd, spec.private_ram_fd,
                                  standard_error, options.carrier_arguments, options.cancelled});
    if (!started) {
        // It has ended: all that it says is in the pipe.
        char words[4096];
        ::fcntl(standard_error_.get(), F_SETFL, O_NONBLOCK);
        const ssize_t count = ::read(standard_error_.get(), words, sizeof(words));
        if (count <= 0) return base::Failure{started.error()};
        log_.append({words, static_cast<std::size_t>(count)});
        return base::Failure{explain(started.error().cause)};
    }
    carrier_ = std::move(started.value());
    spec.carrier_fd = carrier_.doors.get();
    return {};
}

Result<void> Machine::launch_sev(const MachineOptions& options) {
    auto launched = [&]() -> Result<void> {
        auto qmp = TRY(Qmp::connect(std::move(monitor_), options.boot_timeout));
        return finish_sev_launch(qmp, *sev_);
    }();
    if (launched) return {};
    TRY(check_interrupted());
    // What QEMU said before it went says more than that it is gone.
    for (int i = 0; i < 10 && !events_->vm_ended(); i++)
        events_->wait([this] { return events_->vm_ended(); }, std::chrono::milliseconds{100});
    if (events_->vm_ended()) return base::Failure{explain("the VM did not start")};
    return launched;
}

Result<void> Machine::wait_until_ready(const MachineOptions& options) {
    const auto begin = std::chrono::steady_clock::now();
    for (;;) {
        const auto elapsed = std::chrono::steady_clock::now() - begin;
        const abi::GuestState state = guest_state();
        if (state == abi::GuestState::kReady) {
            boot_time_ = std::chrono::duration_cast<std::chrono::microseconds>(elapsed);
            return {};
        }
        if (state == abi::GuestState::kRefused)
            return base::Failure{explain("the kernel refuses this machine")};
        if (state == abi::GuestState::kPanicked)
            return base::Failure{explain("the kernel panicked while booting")};
        if (events_->vm_ended()) return base::Failure{explain("the VM did not start")};
        // Before it has the link, the serial port is all it can say it on. The line is
        // read when it is complete.
        const std::string log = log_.text();
        const std::size_t panic = log.find("panic: ");
        if (panic != std::string::npos && log.find('\n', panic) != std::string::npos) {
            return base::Failure{explain("the kernel does not run on this machine")};
        }
        TRY(check_interrupted());
        if (elapsed > options.boot_timeout) {
            const auto waited =
                std::chrono::duration_cast<std::chrono::seconds>(options.boot_timeout).count();
            return base::Failure{explain(fmt::format("the VM does not answer after {} s", waited))};
        }
        events_->wait([this] { return guest_state() != abi::GuestState::kAbsent; },
                      std::chrono::milliseconds{1});
    }
}

Machine::~Machine() {
    // QEMU first: nothing may write to the log's sources while they go away.
    if (qemu_) qemu_->kill();
    // The carrier sees it and takes leave of the secure processor.
    if (carrier_.process) {
        constexpr int kPatience = 1000;  // ms
        pollfd ended{carrier_.process->pidfd(), POLLIN, 0};
        ::poll(&ended, 1, kPatience);
    }
    control_.reset();
    events_.reset();
}

abi::GuestState Machine::guest_state() {
    return static_cast<abi::GuestState>(load(link_.header().guest_state));
}

Result<void> Machine::check_alive() {
    if (guest_state() == abi::GuestState::kPanicked) return base::Failure{explain("the kernel panicked")};
    if (!running()) return base::Failure{explain("the VM ended")};
    return check_interrupted();
}

Result<void> Machine::check_interrupted() const {
    const int signal = cancelled_ != nullptr ? cancelled_->load() : 0;
    if (signal != 0) return fail("interrupted", "", 128 + signal);
    return {};
}

std::optional<abi::EnclaveStatus> Machine::status(std::uint64_t handle) const {
    const auto record = base::copy_from_shared(link_.status(abi::slot_of(handle)));
    if (handle == 0 || record.handle != handle) return std::nullopt;
    return record;
}

bool Machine::is(std::uint64_t handle, abi::EnclaveState state) const {
    const auto record = status(handle);
    return record && record->state == static_cast<std::uint32_t>(state);
}

Result<void> Machine::stop(std::uint64_t handle) {
    const auto stopped = control_->call(abi::Command::kStop, {handle});
    if (!stopped && !is(handle, abi::EnclaveState::kStopped)) return base::Failure{stopped.error()};
    return {};
}

std::optional<abi::EnclaveStatus> Machine::last_status(std::uint64_t handle) {
    // `state` may be seen before the rest of the record; the kernel writes all of
    // it before it answers anything else.
    (void)control_->call(abi::Command::kStats, {});
    return status(handle);
}

Error Machine::explain(const std::string& what) {
    std::string cause = what;
    if (events_ && events_->vm_ended()) {
        const int stopped = carrier_.process ? carrier_.process->ended().value_or(0) : 0;
        const auto status = qemu_->ended();
        // QEMU is killed when the other ends.
        if (stopped != 0) {
            cause += fmt::format("; its simulated hypervisor {}", describe_wait_status(stopped));
        } else {
            cause += fmt::format("; QEMU {}", status ? describe_wait_status(*status) : "ended");
        }
    } else if (guest_state() == abi::GuestState::kPanicked) {
        cause += "; the kernel panicked";
    }
    // A kernel's reason says more than what others say of its end.
    std::string last = log_.last_line();
    const std::string log = log_.text();
    if (const std::size_t panic = log.rfind("panic: "); panic != std::string::npos)
        last = log.substr(panic, log.find('\n', panic) - panic);
    cause += last.empty() ? "; it printed nothing" : fmt::format("; its last line: {}", last);
    return Error{cause, "'enclavisor doctor' checks the machine, -v shows the VM's log", kExitFailure};
}

Result<MachineInfo> Machine::hello() {
    const auto v = TRY(control_->call(abi::Command::kHello, {}));
    return MachineInfo{v[0], v[1], v[2], v[3], v[4]};
}

Result<MachineStats> Machine::stats() {
    const auto v = TRY(control_->call(abi::Command::kStats, {}));
    return MachineStats{v[0], v[1], v[2], v[3], v[4], v[5]};
}

}  // namespace enclavisor::host
