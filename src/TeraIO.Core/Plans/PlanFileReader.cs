using TeraIO.Core.Formats;
using TeraIO.Core.Tracing;

namespace TeraIO.Core.Plans;

/// <summary>Reads one plan in one pass.</summary>
internal sealed class PlanFileReader(JsonTokens tokens, FormatLimits limits)
{
    private readonly NameTable _names = new(limits);
    private readonly List<PlannedMigration> _migrations = [];

    public MigrationPlan Read()
    {
        if (!tokens.Read()) throw tokens.Fault("the file is empty.");
        tokens.ExpectObject("a plan");
        var members = new MemberSet(tokens, "the plan");
        string policy = "";
        string traceName = "";
        int opCount = 0;
        int tensorCount = 0;
        long memoryBudget = 0;
        var evictionOrder = EvictionOrder.FarthestNextUse;
        double predicted = 0;
        while (tokens.NextMember())
        {
            if (members.Is("format"u8, 0)) FormatHeader.CheckFormat(tokens, PlanFile.Format);
            else if (members.Is("version"u8, 1)) FormatHeader.CheckVersion(tokens, PlanFile.Version);
            else if (members.Is("policy"u8, 2)) policy = _names.Get(tokens, "policy");
            else if (members.Is("traceName"u8, 3)) traceName = _names.Get(tokens, "traceName");
            else if (members.Is("opCount"u8, 4)) opCount = tokens.Index("opCount");
            else if (members.Is("tensorCount"u8, 5)) tensorCount = tokens.Index("tensorCount");
            else if (members.Is("memoryBudget"u8, 6)) memoryBudget = tokens.Integer("memoryBudget");
            else if (members.Is("evictionOrder"u8, 7)) evictionOrder = Vocabulary<EvictionOrder>.Get(tokens, "evictionOrder");
            else if (members.Is("predictedStepSeconds"u8, 8)) predicted = tokens.Real("predictedStepSeconds");
            else if (members.Is("migrations"u8, 9)) ReadMigrations(members);
            else throw members.Unknown("format, version, policy, traceName, opCount, tensorCount, memoryBudget, evictionOrder, predictedStepSeconds, migrations");
        }

        foreach ((int number, string name) in (ReadOnlySpan<(int, string)>)
            [(0, "format"), (1, "version"), (2, "policy"), (3, "traceName"), (4, "opCount"), (5, "tensorCount"), (6, "memoryBudget"), (9, "migrations")])
            members.Require(number, name);
        tokens.ExpectEnd();
        var plan = new MigrationPlan
        {
            Policy = policy,
            TraceName = traceName,
            OpCount = opCount,
            TensorCount = tensorCount,
            MemoryBudget = memoryBudget,
            Migrations = _migrations,
            EvictionOrder = evictionOrder,
            PredictedStepSeconds = predicted,
        };
        try
        {
            PlanValidation.Check(plan);
        }
        catch (TraceFormatException e)
        {
            throw new TraceFormatException($"{tokens.Source}: {MessageText.Plain(e.Message)}", e) { Path = tokens.Source };
        }

        return plan;
    }

    private void ReadMigrations(in MemberSet plan)
    {
        plan.Require(1, "version");
        tokens.ExpectArray("migrations");
        while (tokens.NextElement())
        {
            if (_migrations.Count == limits.Migrations) throw tokens.Fault($"there are more than {limits.Migrations} migrations, which is the limit.");
            ReadMigration();
        }
    }

    private void ReadMigration()
    {
        tokens.ExpectObject("a migration");
        var members = new MemberSet(tokens, "the migration");
        MigrationKind kind = default;
        int tensor = 0;
        long offset = 0;
        long bytes = 0;
        var tier = MemoryTier.Ssd;
        bool writes = false;
        int issueOp = 0;
        int deadlineOp = 0;
        while (tokens.NextMember())
        {
            if (members.Is("kind"u8, 0)) kind = Vocabulary<MigrationKind>.Get(tokens, "kind");
            else if (members.Is("tensor"u8, 1)) tensor = tokens.Index("tensor");
            else if (members.Is("offset"u8, 2)) offset = tokens.Integer("offset");
            else if (members.Is("bytes"u8, 3)) bytes = tokens.Integer("bytes");
            else if (members.Is("tier"u8, 4)) tier = Vocabulary<MemoryTier>.Get(tokens, "tier");
            else if (members.Is("writes"u8, 5)) writes = tokens.Boolean("writes");
            else if (members.Is("issueOp"u8, 6)) issueOp = tokens.Index("issueOp");
            else if (members.Is("deadlineOp"u8, 7)) deadlineOp = tokens.Index("deadlineOp");
            else throw members.Unknown("kind, tensor, offset, bytes, tier, writes, issueOp, deadlineOp");
        }

        foreach ((int number, string name) in (ReadOnlySpan<(int, string)>)[(0, "kind"), (1, "tensor"), (3, "bytes"), (6, "issueOp"), (7, "deadlineOp")])
            members.Require(number, name);
        _migrations.Add(new PlannedMigration(kind, tensor, offset, bytes, tier, writes, issueOp, deadlineOp));
    }
}
