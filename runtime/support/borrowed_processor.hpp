// The library code that we link is compiled for ordinary programs: it uses SSE
// registers and reads a stack canary at FS:0x28. Both are the program's while
// the runtime runs; this lends them out for the life of the object. Not
// reentrant. On the host (unit tests) it is nothing.
#pragma once

#include <cstdint>

namespace enclavisor::runtime {

#if __STDC_HOSTED__
struct BorrowedProcessor {
    BorrowedProcessor() {}
    ~BorrowedProcessor() {}
};
#else
class BorrowedProcessor {
public:
    BorrowedProcessor();
    ~BorrowedProcessor();
    BorrowedProcessor(const BorrowedProcessor&) = delete;
    BorrowedProcessor& operator=(const BorrowedProcessor&) = delete;

private:
    std::uint64_t fs_base_;
};
#endif

}  // namespace enclavisor::runtime
