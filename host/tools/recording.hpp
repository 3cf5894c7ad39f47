// What a traced program asked of the system: files, and calls with their counts.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "host/tools/path_calls.hpp"
#include "host/tools/tracer.hpp"

namespace enclavisor::host {

// A name that the program used, absolute and made normal as text.
struct NameUse {
    bool found = false;      // a call that named it succeeded
    bool directory = false;  // a directory, when it was last found
    bool relative = false;   // was at least once given relative to some directory
    bool looked_at = false;  // opened for reading, executed, asked about
    bool changed = false;    // opened for writing, and the like: the file as it was before
    bool made = false;       // was not there, and was made
    bool removed = false;    // was there, and was removed or renamed
    bool entered = false;    // became the working directory
    bool listed = false;
    int error = 0;       // why it was not found
    std::string source;  // the same file, where the name as text leads elsewhere
};

struct Recording {
    std::vector<std::string> arguments;
    std::string executable;  // after scripts' interpreters were found
    std::string directory;   // at the start
    std::map<std::string, NameUse> names;
    std::map<std::uint64_t, std::uint64_t> calls;  // how often each was made
    bool asked_for_directory = false;              // getcwd
    std::set<std::string> shared_mappings;         // files of writable MAP_SHARED mappings
    std::uint64_t largest_mapping = 0;             // bytes, writable
};

class Recorder final : public TraceListener {
public:
    explicit Recorder(Recording& recording) : recording_{recording} {}

    void executed(pid_t process) override;
    void entered(pid_t thread, const TracedCall& call) override;
    void left(pid_t thread, std::int64_t result) override;

private:
    struct Named {
        PathArgument argument;
        std::uint64_t flags = 0;
        std::string asked;  // absolute
        bool relative = false;
        bool existed = false;
    };
    struct Pending {
        TracedCall call{};
        std::vector<Named> names;
    };

    void note(const Named& named, std::int64_t result);
    // Who executes `file` reads the interpreter that it names, too, of a script or a program.
    void note_interpreter(const std::string& file);
    void note_listing(pid_t thread, std::uint64_t descriptor);
    void note_mapping(pid_t thread, const TracedCall& call);
    void note_size(std::uint64_t size);

    Recording& recording_;
    std::map<pid_t, Pending> pending_;
};

}  // namespace enclavisor::host
