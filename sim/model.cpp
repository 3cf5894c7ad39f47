#include "sim/model.hpp"

namespace enclavisor::sim {

Reply Model::handle(Command command, BytesView request) {
    for (const auto rows : {sev_commands(), snp_commands(), memory_commands(), laboratory_commands()}) {
        for (const CommandRow& row : rows) {
            if (row.command != command) continue;
            Result<Reply> reply = row.serve(*this, request);
            if (!reply) return {reply.error(), {}};
            return reply.take();
        }
    }
    return {Status::kInvalidCommand, {}};
}

}  // namespace enclavisor::sim
