using System.Text;
using TeraIO.Core.Formats;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.TestSupport;

namespace TeraIO.Core.Tests.Plans;

[TestFixture]
public class PlanFileTests
{
    private const string Head = """{"format":"teraio-plan","version":1,"policy":"p","traceName":"t","opCount":3,"tensorCount":2,"memoryBudget":100,"migrations":""";

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public FsCheck.Property What_is_written_is_read_back() => Seeds.ForAll(static seed =>
    {
        MigrationPlan plan = SmallPlans.Random(seed);
        using var stream = new MemoryStream();
        PlanFile.Write(plan, stream);
        stream.Position = 0;
        MigrationPlan read = PlanFile.Read(stream);
        Assert.That(read with { Migrations = [] }, Is.EqualTo(plan with { Migrations = [] }));
        Assert.That(read.Migrations, Is.EqualTo(plan.Migrations));
    });

    [TestCase("plan.json")]
    [TestCase("plan.json.gz")]
    public void A_file_is_read_back(string name)
    {
        string directory = Directory.CreateTempSubdirectory("teraio-plan-").FullName;
        try
        {
            string path = Path.Combine(directory, name);
            PlanFile.Write(SmallPlans.ThreeOps(), path);
            Assert.That(PlanFile.Read(path).Migrations, Is.EqualTo(SmallPlans.ThreeOps().Migrations));
            Assert.That(Directory.GetFiles(directory), Is.EqualTo(new[] { path }));
            Assert.That(() => PlanFile.Read(path + "x"), Throws.TypeOf<ConfigurationException>().With.Message.Contains(path + "x"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Test]
    public void The_example_of_the_documentation_fits_the_one_of_traces()
    {
        Trace trace = TraceFile.Read(Json("docs/formats/trace.md"));
        PlanValidation.Check(PlanFile.Read(Json("docs/formats/plan.md")), trace);
    }

    [TestCase("{}", "lacks the member \"format\"")]
    [TestCase("""{"format":"teraio-trace"}""", "\"teraio-plan\" is expected")]
    [TestCase(Head + "[", "not valid JSON")]
    [TestCase(Head + "[]", "not valid JSON")]
    [TestCase(Head + "[1]}", "a migration must be an object")]
    [TestCase(Head + "[{}]}", "lacks the member \"kind\"")]
    [TestCase(Head + """[{"kind":"swap"}]}""", "one of offload, prefetch, discard, recompute")]
    [TestCase(Head + """[{"kind":"offload","tensor":2,"bytes":1,"issueOp":0,"deadlineOp":1}]}""", "names tensor 2; the plan is for 2")]
    [TestCase(Head + """[{"kind":"offload","tensor":-1,"bytes":1,"issueOp":0,"deadlineOp":1}]}""", "tensor is -1")]
    [TestCase(Head + """[{"kind":"offload","tensor":0,"bytes":0,"issueOp":0,"deadlineOp":1}]}""", "has 0 bytes")]
    [TestCase(Head + """[{"kind":"offload","tensor":0,"bytes":-5,"issueOp":0,"deadlineOp":1}]}""", "has -5 bytes")]
    [TestCase(Head + """[{"kind":"offload","tensor":0,"bytes":1,"offset":-1,"issueOp":0,"deadlineOp":1}]}""", "has offset -1")]
    [TestCase(Head + """[{"kind":"offload","tensor":0,"bytes":1,"issueOp":3,"deadlineOp":1}]}""", "has issueOp 3; the plan is for 3 ops")]
    [TestCase(Head + """[{"kind":"offload","tensor":0,"bytes":1,"issueOp":0,"deadlineOp":3}]}""", "has deadlineOp 3")]
    [TestCase(Head + """[{"kind":"prefetch","tensor":0,"bytes":1,"writes":true,"issueOp":0,"deadlineOp":2}]}""", "only an offload writes")]
    [TestCase(Head + """[{"kind":"offload","tensor":0,"bytes":1,"issueOp":1,"deadlineOp":2},{"kind":"offload","tensor":1,"bytes":1,"issueOp":0,"deadlineOp":1}]}""", "comes after one that is issued later")]
    [TestCase(Head + """[{"kind":"offload","tensor":0,"bytes":1,"issueOp":1,"deadlineOp":2},{"kind":"prefetch","tensor":1,"bytes":1,"issueOp":1,"deadlineOp":1}]}""", "comes after one that is issued later")]
    [TestCase("""{"format":"teraio-plan","version":1,"policy":"p","traceName":"t","opCount":0,"tensorCount":2,"memoryBudget":100,"migrations":[]}""", "opCount is 0")]
    [TestCase("""{"format":"teraio-plan","version":1,"policy":"p","traceName":"t","opCount":1,"tensorCount":2,"memoryBudget":-100,"migrations":[]}""", "memoryBudget is -100")]
    public void It_says_what_is_wrong(string text, string pattern)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        Assert.That(() => PlanFile.Read(stream, "test.json"), Throws.TypeOf<TraceFormatException>().With.Message.Match(pattern).And.Message.StartsWith("test.json"));
    }

    [Test]
    public void Ten_gigabytes_are_refused_in_bounded_memory()
    {
        byte[] piece = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("""{"kind":"offload","tensor":0,"bytes":1,"issueOp":0,"deadlineOp":1},""", 1000)));
        using var endless = new RepeatingStream(Encoding.UTF8.GetBytes(Head + "["), piece, 10_000_000_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(() => PlanFile.Read(endless, "huge.json", FormatLimits.Default with { Migrations = 500_000 }), Throws.TypeOf<TraceFormatException>().With.Message.Contains("more than 500000 migrations"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(120_000_000));
    }

    private static MemoryStream Json(string document) =>
        new(Encoding.UTF8.GetBytes(File.ReadAllText(Documents.Find(document)).Split("```json")[1].Split("```")[0]));
}
