#include "runtime/support/borrowed_processor.hpp"

#include "runtime/support/vector_state.hpp"

namespace enclavisor::runtime {
namespace {

VectorState lent;
std::uint64_t thread_area[16];  // FS:0x28 lies in it

}  // namespace

BorrowedProcessor::BorrowedProcessor() {
    lent.save();
    asm volatile("rdfsbase %0" : "=r"(fs_base_));
    asm volatile("wrfsbase %0" ::"r"(thread_area));
}

BorrowedProcessor::~BorrowedProcessor() {
    asm volatile("wrfsbase %0" ::"r"(fs_base_));
    lent.restore();
}

}  // namespace enclavisor::runtime
