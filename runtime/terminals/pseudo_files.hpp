// The two sides of a pseudo-terminal as open files.
#pragma once

#include "runtime/objects/object_file.hpp"
#include "runtime/terminals/pseudo_terminal.hpp"

namespace enclavisor::runtime {

// What types and shows: /dev/ptmx.
class TerminalMaster final : public ObjectFile {
public:
    TerminalMaster(Ref<PseudoTerminal> terminal, int flags)
        : ObjectFile{flags & ~kOpening}, terminal_{std::move(terminal)} {}
    ~TerminalMaster() override { terminal_->master_closed(); }

    std::int64_t stat(struct stat& info) override;
    std::int64_t control(std::uint64_t request, Address argument) override;
    std::string name() const override { return "/dev/ptmx"; }
    short readiness() override;
    WaitQueue* queue() override { return &terminal_->for_master; }

    static constexpr int kOpening = O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC | O_NOCTTY;

protected:
    std::int64_t take(const Buffers& to) override;
    std::int64_t put(const Buffers& from, std::uint64_t done) override;
    bool streams() const override { return true; }
    std::int64_t bytes_readable() override {
        return static_cast<std::int64_t>(terminal_->discipline.output().size());
    }

private:
    std::int64_t open_peer(int flags);

    Ref<PseudoTerminal> terminal_;
};

// What programs take for a terminal: /dev/pts/N.
class TerminalSlave final : public ObjectFile {
public:
    TerminalSlave(Ref<PseudoTerminal> terminal, int flags);
    ~TerminalSlave() override { terminal_->slave_closed(); }

    std::int64_t read(const Buffers& to, std::uint64_t offset) override;
    std::int64_t write(const Buffers& from, std::uint64_t offset) override;
    std::int64_t stat(struct stat& info) override;
    std::int64_t change_mode(mode_t mode) override;
    std::int64_t change_owner(uid_t uid, gid_t gid) override;
    std::int64_t control(std::uint64_t request, Address argument) override;
    std::string name() const override { return terminal_->name(); }
    short readiness() override;
    WaitQueue* queue() override { return &terminal_->for_slaves; }
    Terminal* terminal() override { return terminal_.get(); }

protected:
    std::int64_t put(const Buffers& from, std::uint64_t done) override;
    bool streams() const override { return true; }
    std::int64_t bytes_readable() override {
        return static_cast<std::int64_t>(terminal_->discipline.bytes_readable());
    }

private:
    Ref<PseudoTerminal> terminal_;
};

}  // namespace enclavisor::runtime
