// Several address spaces in one enclave, in the kernel as an ordinary program.
#include "kernel/testing/space_fixture.hpp"

namespace enclavisor::kernel::testing {
namespace {

TEST_F(SpaceTest, ACopyIsApartWhateverEitherWrites) {
    write(kData, 'a');
    const PhysAddr frame = tables().lookup(VirtAddr{kData}).frame();
    const std::uint64_t space = fork_and_copy();
    EXPECT_EQ(tables().lookup(VirtAddr{kData}).frame(), frame) << "nothing is copied yet";
    EXPECT_FALSE(tables().lookup(VirtAddr{kData}).writable());
    const std::uint64_t parent = thread().number, child = start(space);
    write(kData, 'p');
    EXPECT_NE(tables().lookup(VirtAddr{kData}).frame(), frame);
    run_thread(child);
    EXPECT_EQ(read(kData), 'a');
    EXPECT_EQ(tables().lookup(VirtAddr{kData}).frame(), frame);
    write(kData, 'c');
    EXPECT_EQ(tables().lookup(VirtAddr{kData}).frame(), frame) << "the last to show it keeps it";
    write(kData + 0x1000, 'd');  // was reserved when it was copied
    run_thread(parent);
    EXPECT_EQ(read(kData), 'p');
    EXPECT_EQ(read(kData + 0x1000), 0);
    finish();
}

TEST_F(SpaceTest, ARunOfPagesIsReplacedAcrossTables) {
    constexpr std::uint64_t kBegin = 0x7fb000, kPages = 600;  // in three tables
    const auto page = [](std::uint64_t i) { return Link::io_page(i * abi::kPageSize); };
    ASSERT_EQ(ask(Call::kMap, kBegin, 20, kReadWrite), 20);
    write(kBegin + 0x1000, 'x');  // its frame is given back
    ASSERT_TRUE(tables().replace(VirtAddr{kBegin}, PageCount{kPages}, page));
    for (std::uint64_t i = 0; i < kPages; i++) {
        EXPECT_EQ(tables().lookup(VirtAddr{kBegin}.plus_pages(i)).frame().value, page(i).frame().value) << i;
    }
    EXPECT_TRUE(tables().lookup(VirtAddr{kBegin}.plus_pages(kPages)).empty());
    finish();
}

TEST_F(SpaceTest, TheCommonRangeIsOne) {
    ask(Call::kMap, kHeap, 4, kReadWrite);
    write(kHeap, 'h');
    const std::uint64_t space = fork_and_copy();
    const std::uint64_t parent = thread().number, child = start(space);
    run_thread(child);
    EXPECT_EQ(read(kHeap), 'h');
    write(kHeap, 'i');
    ask(Call::kMap, kHeap + (1ull << 35), 1, kReadWrite);  // needs tables that were not there
    write(kHeap + (1ull << 35), 'j');
    ask(Call::kUnmap, kHeap + 0x3000, 1);
    run_thread(parent);
    EXPECT_EQ(read(kHeap), 'i');
    EXPECT_EQ(read(kHeap + (1ull << 35)), 'j');
    EXPECT_TRUE(tables().lookup(VirtAddr{kHeap + 0x3000}).empty());
    finish();
}

TEST_F(SpaceTest, UnmappingAllOfTheCommonRangeLeavesItCommon) {
    const std::uint64_t space = fork();
    const std::uint64_t begin = abi::kCommonBegin, pages = (abi::kCommonEnd - begin) / abi::kPageSize;
    ASSERT_EQ(ask(Call::kUnmap, begin, pages), static_cast<std::int64_t>(pages));
    ask(Call::kMap, kHeap, 1, kReadWrite);
    write(kHeap, 'x');
    ASSERT_EQ(ask(Call::kEnterSpace, space), 0);
    EXPECT_EQ(read(kHeap), 'x');
    finish();
}

TEST_F(SpaceTest, ASpaceGoesWithItsLastThread) {
    write(kData, 'a');
    const std::uint64_t space = fork_and_copy();
    const std::uint64_t parent = thread().number, child = start(space);
    const std::uint64_t used = enclave().used;
    // The first space may be the first to go.
    ask(Call::kExitThread, 0);
    machine.settle();
    run_thread(child);
    EXPECT_LT(enclave().used, used);
    EXPECT_EQ(find_space(enclave(), 1), nullptr);
    EXPECT_EQ(read(kData), 'a');
    write(kData, 'b');
    const std::uint64_t another = fork_and_copy();
    EXPECT_GT(another, space);
    EXPECT_EQ(ask(Call::kEnterSpace, another), 0);
    machine.settle();
    EXPECT_EQ(find_space(enclave(), space), nullptr);
    EXPECT_EQ(read(kData), 'b');
    EXPECT_EQ(ask(Call::kEnterSpace, another), 0) << "where it is";
    EXPECT_EQ(ask(Call::kEnterSpace, space), kNotFound);
    EXPECT_EQ(ask(Call::kEnterSpace, 0), kNotFound);
    EXPECT_EQ(child, parent + 1);
    finish();
}

TEST_F(SpaceTest, OnlyAnEmptySpaceIsCopiedToOrDropped) {
    const std::uint64_t space = fork();
    EXPECT_EQ(ask(Call::kCopySpace, thread().space->number, 0), kBusy);
    EXPECT_EQ(ask(Call::kDropSpace, thread().space->number), kBusy);
    EXPECT_EQ(ask(Call::kDropSpace, 77), kNotFound);
    EXPECT_EQ(ask(Call::kCopySpace, 77, 0), kNotFound);
    write(kData, 'a');
    // However often, and from wherever.
    EXPECT_EQ(copy(space), 0);
    EXPECT_EQ(copy(space), 0);
    for (const std::uint64_t cursor :
         std::initializer_list<std::uint64_t>{0x1000, kData, abi::kCommonBegin, abi::kEnclaveEnd, ~0xfffull})
        ask(Call::kCopySpace, space, cursor);
    write(kData + 0x1000, 'b');
    EXPECT_EQ(copy(space), 0);
    EXPECT_EQ(ask(Call::kDropSpace, space), 0);
    machine.settle();
    const std::uint64_t used = enclave().used;
    write(kData, 'c');
    EXPECT_EQ(enclave().used, used) << "alone again: written in place";
    EXPECT_EQ(ask(Call::kDropSpace, space), kNotFound);
    finish();
}

TEST_F(SpaceTest, ProtectedAndHiddenPagesAreCopiedOnWriteToo) {
    ask(Call::kMap, 0x700000, 3, kReadWrite);
    for (std::uint64_t i = 0; i < 3; i++) write(0x700000 + i * 0x1000, 'a');
    ask(Call::kProtect, 0x701000, 1, abi::kRead | abi::kExecute);
    ask(Call::kProtect, 0x702000, 1, 0);
    const std::uint64_t space = fork_and_copy();
    const std::uint64_t parent = thread().number, child = start(space);
    for (int side = 0; side < 2; side++) {
        // Neither protection makes a page writable that the other shows.
        ask(Call::kProtect, 0x700000, 1, abi::kRead);
        ask(Call::kProtect, 0x700000, 3, kReadWrite);
        for (std::uint64_t i = 0; i < 3; i++) {
            EXPECT_FALSE(tables().lookup(VirtAddr{0x700000 + i * 0x1000}).writable());
            EXPECT_EQ(read(0x700000 + i * 0x1000), 'a');
            write(0x700000 + i * 0x1000, side == 0 ? 'p' : 'c');
        }
        run_thread(child);
    }
    run_thread(parent);
    EXPECT_EQ(read(0x702000), 'p');
    finish();
}

TEST_F(SpaceTest, MovedAndDiscardedPagesLetGo) {
    write(kData, 'a');
    write(kData + 0x1000, 'b');
    const std::uint64_t space = fork_and_copy();
    const std::uint64_t child = start(space);
    ask(Call::kMove, kData, 0x900000, 1);
    ask(Call::kMove, kData + 0x1000, kHeap, 1);  // into the common range, which is not copied on write
    EXPECT_EQ(read(0x900000), 'a');
    write(0x900000, 'p');
    run_thread(child);
    EXPECT_EQ(read(kData), 'a');
    EXPECT_EQ(read(kHeap), 'b');
    write(kHeap, 'c');
    EXPECT_EQ(read(kData + 0x1000), 'b');
    ask(Call::kDiscard, kData, 2);
    EXPECT_EQ(read(kData), 0);
    finish();
}

TEST_F(SpaceTest, JointPagesAreTheSameInACopy) {
    ask(Call::kMap, kHeap, 3, kReadWrite);
    write(kHeap, 's');
    write(kData, 'a');
    ASSERT_EQ(ask(Call::kShare, kHeap, kData, 2, kReadWrite), 2);  // the second is reserved, and touched
    EXPECT_EQ(read(kData), 's');
    const std::uint64_t space = fork_and_copy();
    const std::uint64_t parent = thread().number, child = start(space);
    run_thread(child);
    write(kData, 'c');
    EXPECT_EQ(read(kHeap), 'c');
    ask(Call::kProtect, kData, 1, 0);
    ask(Call::kProtect, kData, 1, kReadWrite);
    EXPECT_TRUE(tables().lookup(VirtAddr{kData}).writable()) << "not copied";
    ask(Call::kDiscard, kData, 2);
    EXPECT_EQ(read(kData), 'c') << "discarding leaves it";
    ask(Call::kUnmap, kData, 1);
    EXPECT_EQ(ask(Call::kFreeze), kBusy);
    run_thread(parent);
    EXPECT_EQ(read(kData), 'c');
    write(kData, 'd');
    EXPECT_EQ(read(kHeap), 'd');
    ask(Call::kUnmap, kHeap, 3);
    EXPECT_EQ(read(kData), 'd') << "a place keeps the page";
    finish();
}

TEST_F(SpaceTest, WhatIsNotItsOwnToWriteIsNotShared) {
    ask(Call::kMap, kHeap, 2, kReadWrite);
    ask(Call::kMap, kHeap + 0x1000, 1, abi::kRead);
    EXPECT_EQ(ask(Call::kShare, kHeap, kData, 2, kReadWrite), 1);
    const std::uint64_t bad[][4] = {{kHeap + 0x1000, kData, 1, kReadWrite},
                                    {kHeap + 0x2000, kData, 1, kReadWrite},
                                    {abi::kIoAreaBase, kData, 1, kReadWrite},
                                    {kData, 0x900000, 1, kReadWrite},
                                    {kHeap, kHeap + 0x10000, 1, kReadWrite},
                                    {kHeap, abi::kCommonBegin - 0x1000, 2, kReadWrite},
                                    {kHeap, kData, 0, kReadWrite},
                                    {kHeap, kData, 1, 7}};
    call(Call::kShare, bad[0][0], bad[0][1], bad[0][2], bad[0][3]);
    EXPECT_EQ(reason(handle), EndReason::kBadCall);
    finish();
    for (const auto& b : bad) {
        const std::uint64_t next = machine.start_enclave(200);
        run(next);
        ask(Call::kMap, kHeap, 1, kReadWrite);
        call(Call::kShare, b[0], b[1], b[2], b[3]);
        EXPECT_EQ(reason(next), EndReason::kBadCall) << std::hex << b[0] << " to " << b[1];
        finish();
    }
}

TEST_F(SpaceTest, AFreezeNeedsOneSpaceAndNoJointPage) {
    std::uint64_t space = fork_and_copy();
    EXPECT_EQ(ask(Call::kFreeze), kBusy);
    ASSERT_EQ(ask(Call::kEnterSpace, space), 0);
    // The one that was left goes first, whatever is left of it.
    call(Call::kFreeze);
    machine.settle();
    ASSERT_EQ(machine.kernel().enclaves.find(handle)->state, abi::EnclaveState::kTemplate);
    machine.check_invariants();
    const auto forked = machine.command(Command::kFork, {handle, abi::kIoPoolOffset});
    ASSERT_EQ(forked.status, 0);
    run(forked.values[0]);
    EXPECT_EQ(thread().space->number, space) << "an instance knows its space by the same number";
    EXPECT_GT(fork(), space);
    finish();
}

TEST_F(SpaceTest, AnInstancesSpacesShowItsTemplate) {
    const std::uint64_t origin = enclave().handle;
    write(kData, 't');
    ask(Call::kMap, kHeap, 1, kReadWrite);
    write(kHeap, 'h');
    ask(Call::kMap, 0x4000'0000, 2, kReadWrite);
    write(0x4000'0000, 'u');
    call(Call::kFreeze);
    machine.settle();
    const auto forked = machine.command(Command::kFork, {origin, abi::kIoPoolOffset});
    const auto other = machine.command(Command::kFork, {origin, abi::kIoPoolOffset});
    ASSERT_EQ(other.status, 0);
    run(forked.values[0]);
    write(kData + 0x1000, 'i');  // its own table beside the template's page
    const std::uint64_t space = fork_and_copy();
    const std::uint64_t parent = thread().number, child = start(space);
    run_thread(child);
    EXPECT_EQ(read(kData), 't');
    EXPECT_EQ(read(kData + 0x1000), 'i');
    EXPECT_EQ(read(0x4000'0000), 'u');
    write(kData, 'c');
    write(kHeap, 'k');
    write(0x4000'0000, 'v');
    run_thread(parent);
    EXPECT_EQ(read(kData), 't');
    EXPECT_EQ(read(kHeap), 'k');
    EXPECT_EQ(read(0x4000'0000), 'u');
    run(other.values[0]);
    EXPECT_EQ(read(kHeap), 'h');
    finish();
}

TEST_F(SpaceTest, ALimitMayStopAForkAnywhere) {
    ask(Call::kMap, 0x700000, 4, kReadWrite);
    ask(Call::kMap, 0x4000'0000, 1, kReadWrite);
    ask(Call::kMap, 1ull << 40, 1, kReadWrite);
    for (const std::uint64_t address : {0x700000ull, 0x701000ull, 0x4000'0000ull, 1ull << 40})
        write(address, 'a');
    bool done = false;
    for (std::uint64_t more = 0; !done; more++) {
        ASSERT_LT(more, 40u);
        enclave().limit = enclave().used + more;
        const std::int64_t space = ask(Call::kForkSpace);
        if (space == kNoMemory) continue;
        const std::int64_t copied = copy(static_cast<std::uint64_t>(space));
        done = copied == 0;
        EXPECT_TRUE(done || copied == kNoMemory);
        EXPECT_EQ(ask(Call::kDropSpace, static_cast<std::uint64_t>(space)), 0);
        machine.settle();
        run(enclave().handle);
    }
    EXPECT_EQ(read(1ull << 40), 'a');
    ask(Call::kMap, kHeap, 1, kReadWrite);
    write(kHeap, 'h');
    enclave().limit = enclave().used;
    EXPECT_EQ(ask(Call::kShare, kHeap, 1ull << 41, 1, kReadWrite), kNoMemory);
    finish();
}

TEST_F(SpaceTest, WordsAreTheSpacesOwnButForTheCommonRange) {
    ask(Call::kMap, kHeap, 1, kReadWrite);
    const std::uint64_t space = fork_and_copy();
    const std::uint64_t parent = thread().number, child = start(space);
    for (const auto& [address, woken] : {std::pair{kHeap, 1}, std::pair{kData, 0}}) {
        run_thread(child);
        call(Call::kWait, address, 0, 0);
        run(handle);
        run_thread(parent);
        EXPECT_EQ(ask(Call::kWake, address, 9), woken);
    }
    // The word of an exiting thread is its space's.
    write(kData, 7);
    EXPECT_EQ(ask(Call::kInterrupt, child), 0);
    run_thread(child);
    write(kData, 8);
    call(Call::kExitThread, kData);
    machine.settle();
    run(handle);
    EXPECT_EQ(read(kData), 7);
    finish();
}

TEST_F(SpaceTest, AThreadBeginsInAnotherSpaceIfItsBlockIsCommon) {
    const std::uint64_t space = fork_and_copy();
    EXPECT_EQ(static_cast<std::int64_t>(start(99)), kNotFound);
    const std::uint64_t child = start(space, abi::kKeepVectorState);
    run_thread(child);
    EXPECT_EQ(thread().space->number, space);
    thread().block->resume = {.rip = 0x400000};
    call(Call::kCreateThread, kData, 0, 1, 0);
    EXPECT_EQ(reason(handle), EndReason::kBadCall);
    const std::uint64_t next = machine.start_enclave(200);
    run(next);
    thread().block->resume = {.rip = 0x400000};
    call(Call::kCreateThread, kData, 0, 0, 2);
    EXPECT_EQ(reason(next), EndReason::kBadCall) << "an unknown flag";
    finish();
}

TEST_F(SpaceTest, MappingsOfObjectsEndWithTheirSpace) {
    const auto object = static_cast<std::uint64_t>(ask(Call::kCreateObject, 2));
    ASSERT_EQ(ask(Call::kMapObject, object, 0x900000, kReadWrite), 2);
    ASSERT_EQ(ask(Call::kMapObject, object, kHeap, kReadWrite), 2);
    const std::uint64_t space = fork_and_copy();
    ASSERT_EQ(ask(Call::kEnterSpace, space), 0);
    EXPECT_TRUE(tables().lookup(VirtAddr{0x900000}).empty()) << "a copy has no pages of objects";
    EXPECT_TRUE(tables().lookup(VirtAddr{kHeap}).is_object());
    ASSERT_EQ(ask(Call::kMapObject, object, 0x900000, kReadWrite), 2);
    machine.settle();
    run(handle);
    ASSERT_EQ(ask(Call::kCloseObject, object), 0);
    EXPECT_TRUE(tables().lookup(VirtAddr{kHeap}).empty()) << "closed in the space that is left";
    EXPECT_TRUE(tables().lookup(VirtAddr{0x900000}).empty());
    finish();
}

TEST_F(SpaceTest, AnEnclaveEndsWithAllItsSpaces) {
    ask(Call::kMap, kHeap, 2, kReadWrite);
    ASSERT_EQ(ask(Call::kShare, kHeap, 0x900000, 2, kReadWrite), 2);
    write(kData, 'a');
    const std::uint64_t first = fork_and_copy();
    start(first);
    const std::uint64_t second = fork_and_copy();
    start(second);
    fork_and_copy();
    EXPECT_EQ(ask(Call::kDropSpace, fork_and_copy()), 0);
    call(Call::kExit, static_cast<std::uint64_t>(EndReason::kExited), 0);
    finish();
}

}  // namespace
}  // namespace enclavisor::kernel::testing
