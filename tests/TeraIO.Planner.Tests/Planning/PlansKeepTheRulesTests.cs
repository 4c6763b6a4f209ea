using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Policies;
using TeraIO.TestSupport.Tracing;

namespace TeraIO.Planner.Tests.Planning;

/// <summary>Every policy makes plans that a file may carry: they pass the check that a plan from elsewhere has to pass.</summary>
[TestFixture]
public class PlansKeepTheRulesTests
{
    /// <summary>The plan of planned-vertical is for the reordered trace.</summary>
    private static IEnumerable<string> Names => Policies.Policies.All.Select(static policy => policy.Name).Where(static name => name != "planned-vertical");

    [TestCaseSource(nameof(Names))]
    public void A_plan_passes_the_check_and_survives_its_file(string name)
    {
        IMigrationPolicy policy = Policies.Policies.Named(name);
        int migrations = 0;
        for (int seed = 0; seed < 40; seed++)
        {
            Trace trace = seed % 2 == 0 ? RandomTraces.Training(seed) : RandomTraces.Arbitrary(seed);
            MachineModel machine = RandomTraces.Machine(seed, trace);
            MigrationPlan plan = policy.Plan(trace, machine).Plan;
            migrations += plan.Migrations.Count;
            Assert.That(() => PlanValidation.Check(plan, trace), Throws.Nothing, $"seed {seed}");
            using var stream = new MemoryStream();
            PlanFile.Write(plan, stream);
            stream.Position = 0;
            Assert.That(PlanFile.Read(stream).Migrations, Is.EqualTo(plan.Migrations));
        }

        bool movesAhead = name is not ("unlimited" or "on-demand-lru" or "on-demand-belady");
        Assert.That(migrations, movesAhead ? Is.Positive : Is.Zero);
    }
}
