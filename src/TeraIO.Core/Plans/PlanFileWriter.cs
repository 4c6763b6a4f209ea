using System.Text.Json;
using TeraIO.Core.Formats;

namespace TeraIO.Core.Plans;

/// <summary>A plan as JSON: one line per migration.</summary>
internal static class PlanFileWriter
{
    private static readonly JsonEncodedText _kind = JsonEncodedText.Encode("kind");
    private static readonly JsonEncodedText _tensor = JsonEncodedText.Encode("tensor");
    private static readonly JsonEncodedText _offset = JsonEncodedText.Encode("offset");
    private static readonly JsonEncodedText _bytes = JsonEncodedText.Encode("bytes");
    private static readonly JsonEncodedText _tier = JsonEncodedText.Encode("tier");
    private static readonly JsonEncodedText _writes = JsonEncodedText.Encode("writes");
    private static readonly JsonEncodedText _issueOp = JsonEncodedText.Encode("issueOp");
    private static readonly JsonEncodedText _deadlineOp = JsonEncodedText.Encode("deadlineOp");

    public static void Write(MigrationPlan plan, Stream stream)
    {
        using var lines = new JsonLines(stream);
        lines.Member("format", PlanFile.Format);
        lines.Member("version", PlanFile.Version);
        lines.Member("policy", plan.Policy);
        lines.Member("traceName", plan.TraceName);
        lines.Member("opCount", plan.OpCount);
        lines.Member("tensorCount", plan.TensorCount);
        lines.Member("memoryBudget", plan.MemoryBudget);
        lines.Member("evictionOrder", JsonNamingPolicy.CamelCase.ConvertName(plan.EvictionOrder.ToString()));
        lines.Member("predictedStepSeconds", plan.PredictedStepSeconds);
        lines.BeginArray("migrations");
        foreach (PlannedMigration migration in plan.Migrations)
        {
            Utf8JsonWriter json = lines.BeginElement();
            json.WriteString(_kind, Vocabulary<MigrationKind>.Word(migration.Kind));
            json.WriteNumber(_tensor, migration.Tensor);
            if (migration.Offset != 0) json.WriteNumber(_offset, migration.Offset);
            json.WriteNumber(_bytes, migration.Bytes);
            if (migration.Tier != MemoryTier.Ssd) json.WriteString(_tier, Vocabulary<MemoryTier>.Word(migration.Tier));
            if (migration.Writes) json.WriteBoolean(_writes, true);
            json.WriteNumber(_issueOp, migration.IssueOp);
            json.WriteNumber(_deadlineOp, migration.DeadlineOp);
            lines.EndElement();
        }

        lines.EndArray();
        lines.End();
    }
}
