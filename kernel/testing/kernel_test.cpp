// The kernel above the hardware layer, as an ordinary program.
#include <gtest/gtest.h>

#include <random>

#include "kernel/testing/kernel_fixture.hpp"

namespace enclavisor::kernel::testing {

void run_sequence(const std::uint8_t* data, std::size_t size);

namespace {

TEST_F(KernelTest, AnEnclaveRunsAndGivesBackItsFrames) {
    const std::uint64_t handle = machine.start_enclave();
    machine.schedule();
    EXPECT_TRUE(machine.trap(14, 4, 0x500000));  // first touch
    machine.check_invariants();
    EXPECT_TRUE(call(Call::kExit, static_cast<std::uint64_t>(EndReason::kExited), 42));
    EXPECT_EQ(reason(handle), EndReason::kExited);
    EXPECT_EQ(record(handle).code, 42u);
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(KernelTest, HandlesDoNotOutliveTheirEnclave) {
    const std::uint64_t handle = machine.start_enclave();
    EXPECT_EQ(machine.command(Command::kDestroy, {handle}).status, status(ControlStatus::kBadState));
    EXPECT_EQ(machine.command(Command::kStop, {handle}).status, 0);
    EXPECT_EQ(machine.command(Command::kDestroy, {handle}).status, 0);
    EXPECT_EQ(machine.command(Command::kStop, {handle}).status, status(ControlStatus::kBadHandle));
    const std::uint64_t next = machine.start_enclave();
    EXPECT_EQ(abi::slot_of(next), abi::slot_of(handle));
    EXPECT_NE(next, handle);
    EXPECT_EQ(machine.command(Command::kStop, {handle}).status, status(ControlStatus::kBadHandle));
}

TEST_F(KernelTest, TheAttestationEnclaveIsOutOfReach) {
    for (std::uint64_t generation = 0; generation < 4; generation++) {
        EXPECT_EQ(machine.command(Command::kStop, {generation << 16}).status,
                  status(ControlStatus::kBadHandle));
    }
}

TEST_F(KernelTest, WithoutASecureProcessorNobodyAsksIt) {
    for (const std::uint64_t offset : {0ull, 4096ull, 1ull, ~0ull})
        EXPECT_EQ(machine.command(Command::kVmReport, {offset}).status, status(ControlStatus::kUnsupported));
    const std::uint64_t handle = machine.start_enclave();
    machine.schedule();
    EXPECT_TRUE(call(Call::kGuestRequest));
    EXPECT_EQ(reason(handle), EndReason::kBadCall);
}

TEST_F(KernelTest, SealedEnclavesDoNotChange) {
    const std::uint64_t handle = machine.start_enclave();
    EXPECT_EQ(machine.command(Command::kAddPages, {handle, 0x600000, 1, abi::kRead, 0}).status,
              status(ControlStatus::kBadState));
    EXPECT_EQ(machine.command(Command::kSeal, {handle}).status, status(ControlStatus::kBadState));
}

TEST_F(KernelTest, CommandsRefuseWhatIsOutOfRange) {
    const std::uint64_t handle = machine.command(Command::kCreate, {64, 0, 0, 0, 0, 0}).values[0];
    const auto add = [&](std::uint64_t address, std::uint64_t count, std::uint64_t permissions,
                         std::uint64_t offset) {
        return machine.command(Command::kAddPages, {handle, address, count, permissions, offset}).status;
    };
    EXPECT_EQ(add(0x400001, 1, abi::kRead, 0), status(ControlStatus::kBadRange));
    EXPECT_EQ(add(0, 1, abi::kRead, 0), status(ControlStatus::kBadRange));
    EXPECT_EQ(add(abi::kEnclaveEnd, 1, abi::kRead, 0), status(ControlStatus::kBadRange));
    EXPECT_EQ(add(0xffff800000000000, 1, abi::kRead, 0), status(ControlStatus::kBadRange));
    EXPECT_EQ(add(0x400000, ~0ull, abi::kRead, 0), status(ControlStatus::kBadRange));
    EXPECT_EQ(add(0x400000, 1, abi::kRead, abi::kControlDataSize), status(ControlStatus::kBadRange));
    EXPECT_EQ(add(0x400000, 1, abi::kWrite | abi::kExecute, 0), status(ControlStatus::kBadPermissions));
    EXPECT_EQ(add(0x400000, 1, 8, 0), status(ControlStatus::kBadPermissions));
    EXPECT_EQ(add(0x400000, 1, abi::kRead, 0), 0);
    EXPECT_EQ(add(0x400000, 1, abi::kRead, 0), status(ControlStatus::kOverlap));
    EXPECT_EQ(machine.command(static_cast<Command>(99), {}).status, status(ControlStatus::kUnknownCommand));
}

TEST_F(KernelTest, AnEnclaveBeyondItsLimitEndsAlone) {
    const std::uint64_t victim = machine.start_enclave();
    const std::uint64_t handle = machine.start_enclave(16);
    machine.schedule();
    while (machine.kernel().enclaves.find(handle)->state == abi::EnclaveState::kRunning) {
        for (std::uint64_t page = 0; page < 64; page++) {
            call(Call::kMap, 0x700000 + page * 4096, 1, abi::kRead | abi::kWrite);
            machine.trap(14, 6, 0x700000 + page * 4096);
        }
        machine.schedule();
        if (machine.kernel().enclaves.find(victim)->state != abi::EnclaveState::kRunning) break;
    }
    EXPECT_EQ(reason(handle), EndReason::kMemoryLimit);
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(KernelTest, AFullMachineRefusesAndRecovers) {
    // Until nothing more can be built, with running and with unfinished enclaves.
    for (int i = 0; i < 200; i++) machine.start_enclave();
    for (int i = 0; i < 200; i++) machine.command(Command::kCreate, {64, 0, 0, 0, 0, 0});
    EXPECT_NE(machine.command(Command::kCreate, {64, 0, 0, 0, 0, 0}).status, 0);
    machine.check_invariants();
    EXPECT_TRUE(machine.all_frames_return());
    EXPECT_EQ(machine.command(Command::kCreate, {64, 0, 0, 0, 0, 0}).status, 0);
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(KernelTest, UnfinishedEnclavesAreLimited) {
    std::vector<std::uint64_t> handles;
    for (std::uint64_t i = 0; i < abi::kAttestPlaces; i++) {
        const auto completion = machine.command(Command::kCreate, {64, 0, 0, 0, 0, 0});
        ASSERT_EQ(completion.status, 0);
        handles.push_back(completion.values[0]);
    }
    EXPECT_EQ(machine.command(Command::kCreate, {64, 0, 0, 0, 0, 0}).status, status(ControlStatus::kNoSlot));
    machine.command(Command::kStop, {handles[7]});
    EXPECT_EQ(machine.command(Command::kCreate, {64, 0, 0, 0, 0, 0}).status, 0);
    machine.command(Command::kSeal, {handles[8]});
    EXPECT_EQ(machine.command(Command::kCreate, {64, 0, 0, 0, 0, 0}).status, 0);
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(KernelTest, BrokenContractsEndTheEnclave) {
    const std::uint64_t bad[][5] = {
        {99, 0, 0, 0, 0},
        {static_cast<std::uint64_t>(Call::kMap), 0xffff800000000000, 1, abi::kRead, 0},
        {static_cast<std::uint64_t>(Call::kMap), 0x600000, 1, abi::kWrite | abi::kExecute, 0},
        {static_cast<std::uint64_t>(Call::kMap), 0x600001, 1, abi::kRead, 0},
        {static_cast<std::uint64_t>(Call::kUnmap), 0x600000, 0, 0, 0},
        {static_cast<std::uint64_t>(Call::kMove), 0x600000, 0x601000, 2, 0},
        {static_cast<std::uint64_t>(Call::kWait), 0xffff800000000000, 0, 0, 0},
        {static_cast<std::uint64_t>(Call::kExit), static_cast<std::uint64_t>(EndReason::kStopped), 0, 0, 0},
        {static_cast<std::uint64_t>(Call::kAttestNext), 0, 0, 0, 0},
    };
    for (const auto& b : bad) {
        const std::uint64_t handle = machine.start_enclave();
        machine.schedule();
        ASSERT_TRUE(machine.call(b[0], b[1], b[2], b[3], b[4]));
        EXPECT_EQ(reason(handle), EndReason::kBadCall) << "call " << b[0];
        EXPECT_TRUE(machine.all_frames_return());
    }
}

TEST_F(KernelTest, ProtectedPagesKeepTheirContents) {
    machine.start_enclave();
    machine.schedule();
    machine.trap(14, 6, 0x500000);
    Enclave* enclave = this_cpu_enclave();
    const Entry before = enclave->first_space.tables.lookup(VirtAddr{0x500000});
    call(Call::kProtect, 0x500000, 1, 0);
    EXPECT_FALSE(enclave->first_space.tables.lookup(VirtAddr{0x500000}).present());
    call(Call::kProtect, 0x500000, 1, abi::kRead);
    const Entry after = enclave->first_space.tables.lookup(VirtAddr{0x500000});
    EXPECT_EQ(after.frame(), before.frame());
    EXPECT_FALSE(after.writable());
    machine.check_invariants();
}

TEST_F(KernelTest, LargeReservationsCostOneEntryAndSplit) {
    machine.start_enclave(64);
    machine.schedule();
    Enclave* enclave = this_cpu_enclave();
    const std::uint64_t used = enclave->used;
    call(Call::kMap, 1ull << 40, 1 << 18, abi::kRead | abi::kWrite);  // 1 GiB
    EXPECT_LE(enclave->used, used + 1);
    call(Call::kUnmap, (1ull << 40) + 0x1000, 1, 0);
    EXPECT_TRUE(enclave->first_space.tables.lookup(VirtAddr{1ull << 40}).is_reserved());
    EXPECT_TRUE(enclave->first_space.tables.lookup(VirtAddr{(1ull << 40) + 0x1000}).empty());
    EXPECT_TRUE(enclave->first_space.tables.lookup(VirtAddr{(1ull << 40) + 0x2000}).is_reserved());
    EXPECT_TRUE(enclave->first_space.tables.lookup(VirtAddr{(1ull << 40) + (1ull << 29)}).is_reserved());
    call(Call::kUnmap, 1ull << 40, 1 << 18, 0);
    machine.check_invariants();
}

TEST_F(KernelTest, AnInstanceSharesItsTemplatesMemoryUntilItWrites) {
    const std::uint64_t origin = machine.start_enclave();
    machine.schedule();
    machine.trap(14, 6, 0x500000);
    Enclave* enclave = this_cpu_enclave();
    const PhysAddr page = enclave->first_space.tables.lookup(VirtAddr{0x500000}).frame();
    direct<char>(page)[0] = 'T';
    ASSERT_EQ(machine.command(Command::kFork, {origin, abi::kIoPoolOffset}).status,
              status(ControlStatus::kBadState));
    call(Call::kFreeze);
    machine.settle();
    ASSERT_EQ(enclave->state, abi::EnclaveState::kTemplate);
    const std::uint64_t free_frames = machine.kernel().frames.free_count();
    const std::uint64_t instance = machine.command(Command::kFork, {origin, abi::kIoPoolOffset}).values[0];
    EXPECT_GE(machine.kernel().frames.free_count(), free_frames - 2);
    machine.check_invariants();
    Enclave* forked = machine.kernel().enclaves.find(instance);
    ASSERT_NE(forked, nullptr);
    EXPECT_EQ(forked->first_space.tables.lookup(VirtAddr{0x500000}).frame(), page);
    machine.schedule();
    ASSERT_EQ(this_cpu_enclave(), forked);
    EXPECT_EQ(this_cpu().current->registers.rdi, instance);
    EXPECT_EQ(this_cpu().current->registers.rsi, 0u);
    machine.trap(14, 7, 0x500000);
    const PhysAddr copy = forked->first_space.tables.lookup(VirtAddr{0x500000}).frame();
    EXPECT_NE(copy, page);
    EXPECT_EQ(direct<char>(copy)[0], 'T');
    machine.check_invariants();
    EXPECT_EQ(machine.command(Command::kStop, {origin}).status, status(ControlStatus::kInUse));
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(KernelTest, TemplatesOfTemplates) {
    std::uint64_t origin = machine.start_enclave();
    for (int generation = 0; generation < 4; generation++) {
        machine.schedule();
        ASSERT_EQ(this_cpu_enclave()->handle, origin);
        // Each writes one page of its own beside what it has from its ancestors.
        const std::uint64_t address = 0x600000 + generation * 0x40001000ull;
        call(Call::kMap, address & ~0xfffull, 1, abi::kRead | abi::kWrite);
        machine.trap(14, 6, address);
        machine.trap(14, 7, 0x500000);
        call(Call::kProtect, 0x501000, 1, generation % 2 ? abi::kRead | abi::kWrite : 0);
        call(Call::kFreeze);
        machine.settle();
        machine.check_invariants();
        const auto forked = machine.command(Command::kFork, {origin, abi::kIoPoolOffset});
        ASSERT_EQ(forked.status, 0);
        EXPECT_EQ(machine.kernel().enclaves.find(forked.values[0])->generation,
                  static_cast<std::uint64_t>(generation + 1));
        origin = forked.values[0];
    }
    machine.schedule();
    // What was inherited can be unmapped, protected, moved and discarded.
    call(Call::kMove, 0x500000, 0x900000, 1);
    call(Call::kDiscard, 0x501000, 1);
    call(Call::kUnmap, 0x400000, 1, 0);
    machine.check_invariants();
    call(Call::kUnmap, 1ull << 30, 1ull << 19, 0);
    call(Call::kMap, 0x40000000, 1 << 18, abi::kRead | abi::kWrite);
    machine.check_invariants();
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(KernelTest, ParkedThreadsArePartOfATemplate) {
    const std::uint64_t origin = machine.start_enclave();
    machine.schedule();
    call(Call::kMap, 0x700000, 8, abi::kRead | abi::kWrite);
    this_cpu().current->block->resume = {.rip = 0x400000};
    ASSERT_TRUE(call(Call::kCreateThread, 0x700000, 0));
    call(Call::kYield);
    machine.schedule();
    call(Call::kFreeze);  // another thread is ready: refused
    EXPECT_EQ(static_cast<std::int64_t>(this_cpu().current->registers.rax),
              static_cast<std::int64_t>(abi::CallError::kBusy));
    call(Call::kWait, 0x701000, 0, 0);
    machine.schedule();
    call(Call::kFreeze);
    machine.settle();
    Enclave* enclave = machine.kernel().enclaves.find(origin);
    ASSERT_EQ(enclave->state, abi::EnclaveState::kTemplate);
    for (int i = 0; i < 3; i++) {
        ASSERT_EQ(machine.command(Command::kFork, {origin, abi::kIoPoolOffset}).status, 0);
        machine.schedule();
        EXPECT_TRUE(call(Call::kWake, 0x701000, 9));
        EXPECT_EQ(this_cpu().current->registers.rax, 1u) << "the copy of the parked thread, and no other";
        machine.check_invariants();
        call(Call::kExitThread, 0);
        machine.schedule();
        call(Call::kExitThread, 0x701000);
        machine.settle();
    }
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(KernelTest, APausedEnclaveDoesNotRun) {
    const std::uint64_t handle = machine.start_enclave();
    machine.schedule();
    EXPECT_EQ(machine.command(Command::kPause, {handle}).status, 0);
    EXPECT_EQ(machine.command(Command::kPause, {handle}).status, status(ControlStatus::kBadState));
    machine.schedule();
    EXPECT_EQ(this_cpu().current, nullptr);
    EXPECT_EQ(machine.command(Command::kResume, {handle}).status, 0);
    machine.schedule();
    EXPECT_NE(this_cpu().current, nullptr);
    EXPECT_EQ(machine.command(Command::kPause, {handle}).status, 0);
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(KernelTest, TheHostInterruptsEnclavesWithARuntime) {
    EXPECT_EQ(machine.command(Command::kInterrupt, {0}).status, status(ControlStatus::kBadHandle));
    const std::uint64_t handle = machine.start_enclave();
    machine.schedule();
    Enclave* enclave = machine.kernel().enclaves.find(handle);
    ASSERT_FALSE(enclave->has_runtime());
    EXPECT_EQ(machine.command(Command::kInterrupt, {handle}).status, status(ControlStatus::kBadState));
    enclave->syscall_entry = 0x400000;
    // It sleeps: its wait says so. It runs: the next wait does, once.
    call(Call::kMap, 0x700000, 1, abi::kRead | abi::kWrite);
    const auto interrupted = static_cast<std::uint64_t>(abi::CallError::kInterrupted);
    call(Call::kWait, 0x700000, 0, 0);
    EXPECT_EQ(machine.command(Command::kInterrupt, {handle}).status, 0);
    machine.schedule();
    EXPECT_EQ(this_cpu().current->registers.rax, interrupted);
    EXPECT_EQ(machine.command(Command::kInterrupt, {handle}).status, 0);
    EXPECT_EQ(machine.command(Command::kInterrupt, {handle}).status, 0);
    call(Call::kWait, 0x700000, 0, 0);
    EXPECT_EQ(this_cpu().current->registers.rax, interrupted);
    // A paused one hears of it when it goes on.
    call(Call::kWait, 0x700000, 0, 0);
    EXPECT_EQ(machine.command(Command::kPause, {handle}).status, 0);
    EXPECT_EQ(machine.command(Command::kInterrupt, {handle}).status, 0);
    machine.schedule();
    EXPECT_EQ(this_cpu().current, nullptr);
    EXPECT_EQ(machine.command(Command::kResume, {handle}).status, 0);
    machine.schedule();
    ASSERT_NE(this_cpu().current, nullptr);
    EXPECT_EQ(this_cpu().current->registers.rax, interrupted);
    EXPECT_EQ(machine.command(Command::kStop, {handle}).status, 0);
    EXPECT_EQ(machine.command(Command::kInterrupt, {handle}).status, status(ControlStatus::kBadState));
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(KernelTest, TimeIsCountedForTheEnclaveWhoseThreadIsLoaded) {
    const std::uint64_t handle = machine.start_enclave(), other = machine.start_enclave();
    const auto ticks = [&](std::uint64_t of) {
        const auto answer = machine.command(Command::kReport, {of});
        EXPECT_EQ(answer.status, 0);
        return answer.values[2];
    };
    EXPECT_EQ(machine.command(Command::kReport, {handle}).values[1], 64u);
    EXPECT_EQ(ticks(handle), 0u);
    machine.schedule();
    Enclave* running = this_cpu_enclave();
    const std::uint64_t runs = running->handle, waits = runs == handle ? other : handle;
    this_cpu().loaded = this_cpu().current;
    this_cpu().loaded_since = arch::fake_tsc;
    arch::fake_tsc += 1000;
    account(this_cpu());
    const std::uint64_t first = ticks(runs);
    EXPECT_GE(first, 1000u);
    EXPECT_LT(first, 1100u);
    EXPECT_EQ(ticks(waits), 0u);
    arch::fake_tsc += 1000;
    EXPECT_TRUE(call(Call::kExit, static_cast<std::uint64_t>(EndReason::kExited), 0));
    EXPECT_GE(record(runs).ticks, first + 1000);
    EXPECT_EQ(record(waits).ticks, 0u);
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(KernelTest, ATenantStaysWithinItsLimits) {
    const auto create = [&](std::uint64_t tenant) {
        return machine.command(Command::kCreate, {64, 0, 0, 0, 0, 0, tenant}).status;
    };
    EXPECT_EQ(create(abi::kMaxTenants), status(ControlStatus::kBadRange));
    EXPECT_EQ(machine.command(Command::kSetTenant, {abi::kMaxTenants, 1, 1, 1}).status,
              status(ControlStatus::kBadRange));
    EXPECT_EQ(machine.command(Command::kSetTenant, {7, ~0ull, ~0ull, 2}).status, 0);
    EXPECT_EQ(create(7), 0);
    EXPECT_EQ(create(7), 0);
    EXPECT_EQ(create(7), status(ControlStatus::kTenantLimit));
    EXPECT_EQ(create(8), 0);
    machine.command(Command::kSetTenant, {8, 3, 0, 9});
    const auto second = machine.command(Command::kCreate, {64, 0, 0, 0, 0, 0, 8});
    ASSERT_EQ(second.status, 0);
    EXPECT_EQ(machine
                  .command(Command::kAddThread, {second.values[0], 0x400000, abi::kThreadBlockBase,
                                                 abi::kIoAreaBase, abi::kIoPoolOffset, 2})
                  .status,
              status(ControlStatus::kMemoryLimit));
    EXPECT_TRUE(machine.all_frames_return());
    EXPECT_EQ(machine.command(Command::kSetTenant, {8, ~0ull, ~0ull, ~0ull}).values[0], 0u);
    EXPECT_EQ(machine.command(Command::kSetTenant, {7, ~0ull, ~0ull, ~0ull}).values[2], 0u);
}

// A short form of kernel_fuzz: the same steps from a pseudo-random source.
TEST(KernelSequences, KeepTheInvariants) {
    std::mt19937_64 random{20260};
    for (int run = 0; run < 300; run++) {
        std::vector<std::uint8_t> bytes(600);
        for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
        run_sequence(bytes.data(), bytes.size());
    }
}

}  // namespace
}  // namespace enclavisor::kernel::testing
