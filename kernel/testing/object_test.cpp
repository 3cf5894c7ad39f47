// Memory that enclaves share, in the kernel as an ordinary program.
#include <cstring>
#include <stdexcept>

#include "kernel/testing/kernel_fixture.hpp"

namespace enclavisor::kernel::testing {
namespace {

class ObjectTest : public KernelTest {
protected:
    std::int64_t result() { return static_cast<std::int64_t>(this_cpu().current->registers.rax); }
    static constexpr std::int64_t kNotFound = static_cast<std::int64_t>(abi::CallError::kNotFound);
    static constexpr std::uint64_t kAt = 0x700000;
    // Has the enclave's thread run next.
    void run(std::uint64_t handle) {
        const auto runs = [&] {
            return this_cpu().current != nullptr && this_cpu().current->enclave->handle == handle;
        };
        for (int turn = 0; turn < 8 && !runs(); turn++) machine.schedule();
        if (!runs()) throw std::runtime_error{"the enclave does not run"};
    }
    const std::uint64_t maker = machine.start_enclave(800);
    const std::uint64_t other = machine.start_enclave();
    const std::uint64_t stranger = machine.start_enclave();
    std::uint64_t make(std::uint64_t pages) {
        call(Call::kCreateObject, pages);
        return static_cast<std::uint64_t>(result());
    }
};

TEST_F(ObjectTest, OnlyWhoWasGrantedItMapsIt) {
    run(maker);
    const std::uint64_t object = make(4);
    call(Call::kMapObject, object, kAt, abi::kRead | abi::kWrite);
    ASSERT_EQ(result(), 4);
    const Entry entry = this_cpu_enclave()->first_space.tables.lookup(VirtAddr{kAt});
    call(Call::kGrantObject, object, abi::kRead, other);
    ASSERT_EQ(result(), 0);
    run(stranger);
    call(Call::kMapObject, object, kAt, abi::kRead);
    EXPECT_EQ(result(), kNotFound);
    call(Call::kIdentify, object);
    EXPECT_EQ(result(), kNotFound);
    call(Call::kRevokeObject, object, 0);
    EXPECT_EQ(result(), kNotFound);
    call(Call::kCloseObject, object);
    EXPECT_EQ(result(), kNotFound);
    run(other);
    call(Call::kMapObject, object, kAt, abi::kRead | abi::kWrite);
    EXPECT_EQ(result(), kNotFound) << "it was granted for reading";
    call(Call::kMapObject, object, kAt, abi::kRead);
    ASSERT_EQ(result(), 4);
    EXPECT_EQ(this_cpu_enclave()->first_space.tables.lookup(VirtAddr{kAt}).frame(), entry.frame());
    EXPECT_FALSE(this_cpu_enclave()->first_space.tables.lookup(VirtAddr{kAt}).writable());
    call(Call::kProtect, kAt, 4, abi::kRead | abi::kWrite);
    EXPECT_FALSE(this_cpu_enclave()->first_space.tables.lookup(VirtAddr{kAt}).writable())
        << "not its own to change";
    call(Call::kMove, kAt, kAt + 0x10000, 1);
    EXPECT_FALSE(this_cpu_enclave()->first_space.tables.lookup(VirtAddr{kAt + 0x10000}).present());
    call(Call::kIdentify, object);
    ASSERT_EQ(result(), 0);
    const auto& who = *reinterpret_cast<abi::Identity*>(this_cpu().current->block->exchange);
    EXPECT_EQ(who.instance, maker);
    call(Call::kMapObject, object, kAt, abi::kRead);
    EXPECT_EQ(result(), static_cast<std::int64_t>(abi::CallError::kBusy));
    machine.check_invariants();
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(ObjectTest, RevocationTakesTheMappingAndTheRight) {
    run(maker);
    const std::uint64_t object = make(600);
    call(Call::kGrantObject, object, abi::kRead | abi::kWrite, other);
    run(other);
    call(Call::kMapObject, object, kAt, abi::kRead | abi::kWrite);
    ASSERT_EQ(result(), 600);
    call(Call::kUnmap, kAt + 0x2000, 2);
    call(Call::kMap, kAt + 0x2000, 1, abi::kRead | abi::kWrite);
    machine.trap(14, 6, kAt + 0x2000);
    Enclave* mapper = this_cpu_enclave();
    call(Call::kWait, kAt, 0, 0);  // sleeps on a word of it
    run(maker);
    call(Call::kRevokeObject, object, other);
    EXPECT_TRUE(mapper->first_space.tables.lookup(VirtAddr{kAt}).empty());
    EXPECT_TRUE(mapper->first_space.tables.lookup(VirtAddr{kAt + 599 * 4096}).empty());
    EXPECT_TRUE(mapper->first_space.tables.lookup(VirtAddr{kAt + 0x2000}).is_private())
        << "its own page stays";
    run(other);  // it was woken
    call(Call::kMapObject, object, 0x40000000, abi::kRead);
    EXPECT_EQ(result(), kNotFound);
    machine.check_invariants();
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(ObjectTest, AMappingEndsWhenItsPagesAreUnmapped) {
    run(maker);
    const std::uint64_t object = make(16);
    call(Call::kGrantObject, object, abi::kRead, other);
    run(other);
    for (int i = 0; i < 100; i++) {
        call(Call::kMapObject, object, kAt, abi::kRead);
        ASSERT_EQ(result(), 16) << i;
        if (i % 2 == 0) {
            call(Call::kUnmap, kAt, 16);
        } else {  // in two parts
            call(Call::kUnmap, kAt, 9);
            call(Call::kUnmap, kAt + 0x9000, 7);
        }
    }
    call(Call::kMapObject, object, kAt, abi::kRead);
    call(Call::kUnmap, kAt, 16);
    run(maker);
    call(Call::kIdentify, object);
    EXPECT_EQ(result(), kNotFound) << "nobody has it mapped";
    machine.check_invariants();
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(ObjectTest, AnObjectEndsWithItsMaker) {
    run(maker);
    const std::uint64_t object = make(16);
    call(Call::kGrantObject, object, abi::kRead | abi::kWrite, other);
    run(other);
    call(Call::kMapObject, object, kAt, abi::kRead | abi::kWrite);
    ASSERT_EQ(result(), 16);
    Enclave* mapper = this_cpu_enclave();
    EXPECT_EQ(machine.command(Command::kStop, {maker}).status, 0);
    EXPECT_TRUE(mapper->first_space.tables.lookup(VirtAddr{kAt}).empty());
    EXPECT_EQ(machine.command(Command::kStop, {other}).status, 0);
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(ObjectTest, AMappersEndLeavesTheObject) {
    run(maker);
    const std::uint64_t object = make(16);
    std::uint8_t* measurement = reinterpret_cast<std::uint8_t*>(this_cpu().current->block->exchange);
    std::memcpy(measurement, this_cpu_enclave()->measurement, 48);
    call(Call::kGrantObject, object, abi::kRead, 0);  // to its like
    for (int i = 0; i < 100; i++) {
        const std::uint64_t handle = machine.start_enclave();
        run(handle);
        call(Call::kMapObject, object, kAt, abi::kRead);
        ASSERT_EQ(result(), 16);
        call(Call::kFreeze);
        EXPECT_EQ(result(), static_cast<std::int64_t>(abi::CallError::kBusy));
        EXPECT_EQ(machine.command(Command::kStop, {handle}).status, 0);
        EXPECT_EQ(machine.command(Command::kDestroy, {handle}).status, 0);
    }
    run(maker);
    call(Call::kCloseObject, object);
    EXPECT_EQ(result(), 0);
    machine.check_invariants();
    EXPECT_TRUE(machine.all_frames_return());
}

TEST_F(KernelTest, MembersOfAGroupShare) {
    const auto build = [&] {
        const std::uint64_t handle = machine.command(Command::kCreate, {64, 0, 0, 0, 0, 0}).values[0];
        machine.command(Command::kAddThread,
                        {handle, 0x400000, abi::kThreadBlockBase, abi::kIoAreaBase, abi::kIoPoolOffset, 2});
        machine.command(Command::kSeal, {handle});
        return handle;
    };
    const std::uint64_t a = build(), b = build(), c = build();
    EXPECT_EQ(machine.command(Command::kSealGroup, {}).status, status(ControlStatus::kBadHandle));
    EXPECT_EQ(machine.command(Command::kSealGroup, {a, a}).status, status(ControlStatus::kBadHandle));
    EXPECT_EQ(machine.command(Command::kSealGroup, {a, b + (1 << 16)}).status,
              status(ControlStatus::kBadHandle));
    ASSERT_EQ(machine.command(Command::kSealGroup, {a, b}).status, 0);
    EXPECT_EQ(machine.command(Command::kSealGroup, {b, c}).status, status(ControlStatus::kBadState));
    for (const std::uint64_t handle : {a, b, c}) machine.command(Command::kStart, {handle});
    EXPECT_EQ(machine.command(Command::kSealGroup, {c}).status, status(ControlStatus::kBadState));
    const auto run = [&](std::uint64_t handle) {
        for (int i = 0; i < 8 && this_cpu().current->enclave->handle != handle; i++) machine.schedule();
        return this_cpu().current->enclave->handle == handle;
    };
    machine.schedule();
    ASSERT_TRUE(run(a));
    call(Call::kCreateObject, 1);
    const std::uint64_t object = this_cpu().current->registers.rax;
    call(Call::kGrantObject, object, abi::kRead, abi::kToGroup);
    EXPECT_EQ(this_cpu().current->registers.rax, 0u);
    ASSERT_TRUE(run(b));
    call(Call::kMapObject, object, 0x700000, abi::kRead);
    EXPECT_EQ(this_cpu().current->registers.rax, 1u);
    call(Call::kIdentify, object);
    const auto& who = *reinterpret_cast<abi::Identity*>(this_cpu().current->block->exchange);
    EXPECT_EQ(who.instance, a);
    EXPECT_NE(who.group, 0u);
    ASSERT_TRUE(run(c));
    call(Call::kMapObject, object, 0x700000, abi::kRead);
    EXPECT_EQ(static_cast<std::int64_t>(this_cpu().current->registers.rax),
              static_cast<std::int64_t>(abi::CallError::kNotFound));
    call(Call::kGrantObject, object, abi::kRead, abi::kToGroup);
    EXPECT_EQ(static_cast<std::int64_t>(this_cpu().current->registers.rax),
              static_cast<std::int64_t>(abi::CallError::kNotFound));
    machine.check_invariants();
    EXPECT_TRUE(machine.all_frames_return());
}

}  // namespace
}  // namespace enclavisor::kernel::testing
