#include "tests/support/injected.hpp"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <thread>

#include "host/lib/application.hpp"
#include "tests/support/subprocess.hpp"

namespace enclavisor::tests {

// --- The machine --------------------------------------------------------------------

InjectedMachine::InjectedMachine(host::Platform platform, const std::filesystem::path& rom, unsigned cpus) {
    host::MachineOptions options = machine_options(platform);
    if (!rom.empty()) options.rom = rom;
    options.cpus = cpus;
    options.extra_arguments = Gdb::arguments(socket());
    machine_ = launch(options);
    if (!machine_) throw std::runtime_error{"no VM"};
}

bool InjectedMachine::panics() {
    for (int i = 0; i < 1000 && machine_->guest_state() == abi::GuestState::kReady; i++)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    machine_->control().set_timeout(std::chrono::milliseconds{10});  // nobody answers any more
    return machine_->guest_state() == abi::GuestState::kPanicked;
}

bool InjectedMachine::says(const std::string& text) {
    for (int i = 0; i < 500 && machine_->log().find(text) == std::string::npos; i++)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    return machine_->log().find(text) != std::string::npos;
}

bool InjectedMachine::ended_with_a_reason() {
    return panics() && says("injected by the hypervisor");
}

// --- The enclave --------------------------------------------------------------------

InjectedEnclave::InjectedEnclave(InjectedMachine& ground, bool calls) : ground_{ground} {
    const NativeImage image{(programs_dir() / "injected").string()};
    auto created = NativeEnclave::create(ground.machine(), image,
                                         {.exception_entry = image.symbol("enclavisor_exception_entry")});
    if (!created.ok()) throw std::runtime_error{created.error().text()};
    enclave_.emplace(created.take());
    word(2) = calls;
    if (!enclave_->start().ok()) throw std::runtime_error{"the victim does not start"};
    if (!await_rounds(1)) {
        const auto ended = status(std::chrono::seconds{1});
        throw std::runtime_error{"the victim does not work: " +
                                 (ended ? describe(*ended) : ground.machine().log())};
    }
}

bool InjectedEnclave::await_rounds(std::uint64_t more) {
    const std::uint64_t goal = word(0) + more;
    for (int i = 0; i < 6000 && word(0) < goal && !status(std::chrono::milliseconds{0}); i++)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    return word(0) >= goal;
}

void InjectedEnclave::expect_right_answer() {
    word(1) = 1;
    const auto ended = status(std::chrono::seconds{30});
    ASSERT_TRUE(ended) << "the victim does not end\n" << ground_.machine().log();
    EXPECT_EQ(ended->reason, static_cast<std::uint32_t>(abi::EndReason::kExited)) << describe(*ended);
    EXPECT_EQ(ended->code, 42u) << describe(*ended);
}

bool InjectedEnclave::stop_inside(Gdb& gdb, std::mt19937_64& random) {
    for (int i = 0; i < 50; i++) {
        gdb.run();
        std::this_thread::sleep_for(std::chrono::microseconds{random() % 1500});
        gdb.stop();
        // Whoever makes many calls is seldom met outside of the kernel.
        if (inside_ != 0 && !is_inside(gdb) && !gdb.run_to(inside_)) return false;
        // The stub stops between blocks of instructions.
        for (std::uint64_t steps = random() % 24; steps > 0; steps--) gdb.step();
        if (is_inside(gdb)) return true;
    }
    return false;
}

bool InjectedEnclave::is_inside(Gdb& gdb) {
    const Gdb::Registers r = gdb.registers();
    if ((r.cs & 3) == 0 || r.rip < 0x40'0000 || r.rip >= 0x50'0000) return false;
    inside_ = r.rip;
    return true;
}

// --- The program --------------------------------------------------------------------

namespace {

std::string injected_program() {
    return (programs_dir() / "injected_program").string();
}

long rounds_in(const std::string& output) {
    long count = 0;
    for (auto at = output.find("round "); at != std::string::npos; at = output.find("round ", at + 1))
        count++;
    return count;
}

}  // namespace

InjectedProgram::InjectedProgram(InjectedMachine& ground, bool faults)
    : output_{ground.directory() / "output"},
      standard_output_{::open(output_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)} {
    auto described = host::describe_program(injected_program(), 64ull << 20);
    if (!described.ok()) throw std::runtime_error{described.error().text()};
    auto built = host::Enclave::build(ground.machine(), described.value().image);
    if (!built.ok()) throw std::runtime_error{built.error().text()};
    enclave_.emplace(built.take());
    host::ProxyOptions proxy;
    proxy.directory = ground.directory().string();
    proxy.standard_output = standard_output_.get();
    host::StartParameters start;
    start.arguments = {injected_program()};
    if (!faults) start.arguments.emplace_back("no-faults");
    start.directory = proxy.directory;
    if (!enclave_->attach_proxy(proxy).ok() || !enclave_->hand_over(start).ok() || !enclave_->start().ok())
        throw std::runtime_error{"the program does not start"};
    if (!await_rounds(1))
        throw std::runtime_error{"the program does not work: " + output() + ground.machine().log()};
}

std::string InjectedProgram::output() const {
    return read_file(output_);
}

std::string InjectedProgram::last_line() const {
    const std::string text = output();
    const auto end = text.find_last_not_of('\n');
    if (end == std::string::npos) return {};
    const auto begin = text.rfind('\n', end);
    return text.substr(begin == std::string::npos ? 0 : begin + 1, end - begin);
}

bool InjectedProgram::await_rounds(unsigned more, std::chrono::seconds longest) {
    const long goal = rounds_in(output()) + more;
    const auto end = std::chrono::steady_clock::now() + longest;
    while (rounds_in(output()) < goal && !enclave_->is(abi::EnclaveState::kStopped) &&
           std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    return rounds_in(output()) >= goal;
}

std::optional<abi::EnclaveStatus> InjectedProgram::status(std::chrono::milliseconds longest) {
    auto ended = enclave_->wait(longest);
    if (!ended.ok()) return std::nullopt;
    return ended.value();
}

void InjectedProgram::expect_right_answer() {
    ASSERT_TRUE(enclave_->signal(SIGTERM).ok()) << output();
    const auto ended = status(std::chrono::minutes{2});
    ASSERT_TRUE(ended) << "the program does not end: " << output();
    EXPECT_EQ(ended->reason, static_cast<std::uint32_t>(abi::EndReason::kExited)) << describe(*ended);
    EXPECT_EQ(ended->code, 0u) << output();
    RunOptions natively;
    natively.timeout = std::chrono::minutes{2};
    const RunResult native = run({injected_program(), "once"}, natively);
    EXPECT_EQ(native.status, 0) << native.out;
    EXPECT_EQ(last_line() + "\n", native.out.substr(native.out.find("right"))) << output();
}

// --- Scenes -------------------------------------------------------------------------

void inject_inside(InjectedMachine& ground, InjectedEnclave& enclave, unsigned vector, bool error,
                   int times) {
    std::mt19937_64 random{1};
    Gdb gdb{ground.socket()};
    Injector injector{gdb};
    for (int i = 0; i < times && enclave.stop_inside(gdb, random); i++) injector.inject(vector, error);
}

void Stops::anywhere(std::mt19937_64& random) {
    gdb_.run();
    std::this_thread::sleep_for(std::chrono::microseconds{random() % 3000});
    gdb_.stop();
    gdb_.select(static_cast<unsigned>(random() % cpus_));
    take_some_steps(random);
}

bool Stops::in(std::uint64_t limit, std::mt19937_64& random) {
    for (int i = 0; i < 100; i++) {
        anywhere(random);
        if (is_in(limit)) return true;
        for (unsigned cpu = 0; cpu < cpus_; cpu++) {
            gdb_.select(cpu);
            if (is_in(limit)) return true;
        }
        // Whoever works in the kernel most of the time is met where one was seen before.
        if (seen_.empty()) continue;
        std::uint64_t& place = seen_[random() % seen_.size()];
        const bool there = place < limit && gdb_.run_to(place);
        if (there) take_some_steps(random);
        if (there && is_in(limit)) return true;
    }
    return false;
}

bool Stops::is_in(std::uint64_t limit) {
    constexpr std::size_t kMost = 64;
    const Gdb::Registers r = gdb_.registers();
    if ((r.cs & 3) == 0) return false;
    if (seen_.size() < kMost) {
        seen_.push_back(r.rip);
    } else {
        seen_[r.rip % kMost] = r.rip;
    }
    return r.rip < limit;
}

void Stops::take_some_steps(std::mt19937_64& random) {
    constexpr std::uint32_t kTrap = 1 << 8;
    constexpr std::uint8_t kHalt = 0xf4;
    for (std::uint64_t steps = random() % 6; steps > 0; steps--) {
        const Gdb::Registers r = gdb_.registers();
        // The stub takes the steps that a program takes by itself.
        if (r.rflags & kTrap) return;
        // A halted vCPU takes none, nor does one that is about to.
        if ((r.cs & 3) == 0) {
            const auto code = gdb_.read(r.rip - 1, 2);
            if (code[0] == kHalt || code[1] == kHalt) return;
        }
        gdb_.step();
    }
}

bool pushes_where_ring_three_wants(InjectedMachine& ground, const NativeImage& kernel) {
    const std::uint64_t wanted = kernel.symbol("ap_start");
    Gdb gdb{ground.socket()};
    Injector injector{gdb};
    if (!gdb.run_to(kernel.symbol("syscall_entry"))) throw std::runtime_error{"nobody calls the kernel"};
    const auto before = gdb.read(wanted - 64, 64);
    gdb.set_rsp(wanted);  // any program can
    injector.inject(0x80, false);
    return gdb.read(wanted - 64, 64) != before;
}

}  // namespace enclavisor::tests
