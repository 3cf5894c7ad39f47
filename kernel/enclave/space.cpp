#include "kernel/enclave/space.hpp"

#include <new>

#include "kernel/arch/cpu.hpp"
#include "kernel/arch/flush.hpp"
#include "kernel/kernel.hpp"

namespace enclavisor::kernel {

void EnclaveMemory::copy(PhysAddr to, PhysAddr from) {
    arch::copy_page(direct<void>(to), direct<void>(from));
}

std::optional<PhysAddr> EnclaveMemory::allocate_dirty() {
    Tenant& tenant = *enclave_->tenant;
    enclave_->limit_hit = enclave_->used >= enclave_->limit || tenant.pages >= tenant.most_pages;
    if (enclave_->limit_hit) return std::nullopt;
    const auto frame = frames_->allocate();
    if (frame) {
        enclave_->used++;
        tenant.pages++;
    }
    return frame;
}

std::optional<PhysAddr> EnclaveMemory::allocate() {
    const auto frame = allocate_dirty();
    if (frame) arch::clear_page(direct<void>(*frame));
    return frame;
}

std::uint32_t& EnclaveMemory::marks(PhysAddr frame) {
    return frames_->marks(frame);
}

std::uint32_t EnclaveMemory::references(PhysAddr frame) const {
    return frames_->references(frame);
}

void EnclaveMemory::release(PhysAddr frame) {
    if (!frames_->release(frame)) return;
    enclave_->used--;
    enclave_->tenant->pages--;
}

void EnclaveMemory::count_joint(int change) {
    enclave_->joint_entries += static_cast<std::uint64_t>(change);
}

Space* find_space(Enclave& enclave, std::uint64_t number) {
    Space* space = enclave.spaces.first();
    while (space != nullptr && space->number != number) space = SpaceList::next(space);
    return space;
}

Space* fork_space(Space& from) {
    Enclave& enclave = *from.enclave;
    EnclaveMemory& memory = enclave.memory;
    const auto common = from.tables.own_common();
    if (from.tables.has_split()) flush(from, {VirtAddr{abi::kCommonBegin}, PageCount{0}});
    if (!common) return nullptr;
    const auto home = memory.allocate_dirty();
    const auto root = home ? memory.allocate() : std::nullopt;
    if (!root) {
        if (home) memory.release(*home);
        return nullptr;
    }
    share_kernel_map(*root);
    auto* space = new (direct<void>(*home)) Space{&enclave, enclave.next_space++, PageTables{memory, *root}};
    space->tables.show_common(*common);
    enclave.spaces.push_back(space);
    return space;
}

void enter_space(Kernel& kernel, Thread* thread, Space& space) {
    Space& before = *thread->space;
    space.threads++;
    thread->space = &space;
    use_address_space(this_cpu(), Entry::cr3(space.tables.root()));
    leave_space(kernel, before);
}

void leave_space(Kernel& kernel, Space& space) {
    space.threads--;
    if (space.threads == 0) drop_space(kernel, space);
}

void drop_space(Kernel& kernel, Space& space) {
    Enclave& enclave = *space.enclave;
    forget_space(space);
    enclave.spaces.remove(&space);
    leave_mappings(space);
    // The last one frees the common range.
    if (!enclave.spaces.empty()) space.tables.forget_common();
    enclave.gone_spaces.push_back(&space);
    if (!enclave.background.linked) kernel.background.push_back(&enclave);
}

bool free_spaces(Enclave& enclave, std::uint64_t budget) {
    Space* space = enclave.gone_spaces.first();
    if (space == nullptr) return true;
    if (!space->tables.tear_down(budget)) return false;
    if (!space->tables.root_is_foreign()) enclave.memory.release(space->tables.root());
    enclave.gone_spaces.remove(space);
    if (space != &enclave.first_space) enclave.memory.release(frame_of(space));
    return enclave.gone_spaces.empty();
}

Shared share(Space& space, VirtAddr from, PageRange to, Permissions permissions, std::uint64_t budget) {
    EnclaveMemory& memory = space.enclave->memory;
    std::uint64_t done = 0;
    for (; done < to.count.value && done < budget; done++) {
        const VirtAddr page = from.plus_pages(done);
        const FaultOutcome outcome = touch(space, page, Access::kWrite);
        if (outcome != FaultOutcome::kResolved) return {outcome, PageCount{done}};
        const Entry own = space.tables.lookup(page);
        if (!own.is_private() || own.is_foreign()) return {FaultOutcome::kViolation, PageCount{done}};
        if (!memory.retain(own.frame())) return {FaultOutcome::kNoMemory, PageCount{done}};
        if (!space.tables.replace(to.begin.plus_pages(done), Entry::joint_data(own.frame(), permissions))) {
            memory.release(own.frame());
            return {FaultOutcome::kNoMemory, PageCount{done}};
        }
        memory.count_joint(1);
    }
    return {FaultOutcome::kResolved, PageCount{done}};
}

}  // namespace enclavisor::kernel
