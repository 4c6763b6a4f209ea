using System.Text.Json;
using Json.Schema;
using TeraIO.Core.Plans;
using TeraIO.Core.Tests.Plans;
using TeraIO.Core.Tracing;

namespace TeraIO.Core.Tests.Tracing;

/// <summary>The schema files say what the code does.</summary>
[TestFixture]
public class SchemaTests
{
    private static readonly JsonSchema _trace = JsonSchema.FromText(File.ReadAllText(Documents.Find("docs/formats/trace.schema.json")));
    private static readonly JsonSchema _plan = JsonSchema.FromText(File.ReadAllText(Documents.Find("docs/formats/plan.schema.json")));

    [FsCheck.NUnit.Property(MaxTest = 100)]
    public FsCheck.Property A_written_trace_fits_its_schema() => Seeds.ForAll(static seed => AssertFits(_trace, stream => TraceFile.Write(SmallTraces.Random(seed), stream)));

    [FsCheck.NUnit.Property(MaxTest = 100)]
    public FsCheck.Property A_written_plan_fits_its_schema() => Seeds.ForAll(static seed => AssertFits(_plan, stream => PlanFile.Write(SmallPlans.Random(seed), stream)));

    [TestCase("""{"format":"teraio-trace","version":1,"tensors":[],"ops":[{"name":"f","seconds":0}]}""", true)]
    [TestCase("""{"format":"teraio-trace","version":1,"tensors":[{"bytes":"4 MiB","name":"w","persistent":true}],"ops":[{"name":"f","seconds":0,"accesses":[{"t":"w","a":"wr"}]}]}""", true)]
    [TestCase("""{"format":"teraio-trace","version":2,"tensors":[],"ops":[{"name":"f","seconds":0}]}""", false)]
    [TestCase("""{"format":"teraio-trace","version":1,"tensors":[]}""", false)]
    [TestCase("""{"format":"teraio-trace","version":1,"tensors":[],"ops":[]}""", false)]
    [TestCase("""{"format":"teraio-trace","version":1,"tensors":[],"ops":[{"name":"f"}]}""", false)]
    [TestCase("""{"format":"teraio-trace","version":1,"tensors":[],"ops":[{"name":"f","seconds":-1}]}""", false)]
    [TestCase("""{"format":"teraio-trace","version":1,"tensors":[],"ops":[{"name":"f","seconds":1,"phase":"sideways"}]}""", false)]
    [TestCase("""{"format":"teraio-trace","version":1,"tensors":[{"bytes":"many"}],"ops":[{"name":"f","seconds":1}]}""", false)]
    [TestCase("""{"format":"teraio-trace","version":1,"tensors":[{"bytes":8,"persistent":true}],"ops":[{"name":"f","seconds":1,"accesses":[{"t":0,"a":"rr"}]}]}""", false)]
    [TestCase("""{"format":"teraio-trace","version":1,"tensors":[{"bytes":8,"persistent":true}],"ops":[{"name":"f","seconds":1,"accesses":[{"t":0,"a":"x"}]}]}""", false)]
    [TestCase("""{"format":"teraio-trace","version":1,"tensors":[{"bytes":8,"persistent":true,"more":1}],"ops":[{"name":"f","seconds":1}]}""", false)]
    public void The_schema_and_the_reader_agree(string text, bool isGood)
    {
        Assert.That(Fits(_trace, text), Is.EqualTo(isGood), "schema");
        using var stream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text));
        if (isGood) Assert.That(() => TraceFile.Read(stream), Throws.Nothing);
        else Assert.That(() => TraceFile.Read(stream), Throws.TypeOf<TraceFormatException>());
    }

    private static void AssertFits(JsonSchema schema, Action<Stream> write)
    {
        using var stream = new MemoryStream();
        write(stream);
        string text = System.Text.Encoding.UTF8.GetString(stream.ToArray());
        Assert.That(Fits(schema, text), Is.True, text);
    }

    private static bool Fits(JsonSchema schema, string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        return schema.Evaluate(document.RootElement).IsValid;
    }
}
