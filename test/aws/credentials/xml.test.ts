import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseXml } from "../../../src/aws/credentials/xml.js";
import { mutateBytes, withSeed } from "../../support/seeded-random.js";

const plain = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

test("elements and text, attributes passed over, references decoded", () => {
  assert.equal(plain(parseXml("<a>x</a>", "a")), "x");
  assert.equal(plain(parseXml('<?xml version="1.0" encoding="UTF-8"?>\n<a xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><b>1</b>\r\n  <c>2</c></a>\n', "a")), { b: "1", c: "2" });
  assert.equal(plain(parseXml("<a b='1' c=\"2\" ><d/><e />text</a>", "a")), undefined);
  assert.equal(plain(parseXml("<a b='1' c=\"2\" ><d/><e /></a >", "a")), { d: "", e: "" });
  assert.equal(parseXml("<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#x2f;&#x1F600;</a>", "a"), "<>&\"'AB/\u{1f600}");
  assert.equal(parseXml("<a> x </a>", "a"), " x ");
  assert.equal(plain(parseXml("<a><__proto__>x</__proto__></a>", "a")), JSON.parse('{"__proto__":"x"}'));
  assert.is(({} as { polluted?: unknown }).polluted, undefined);
});

test("what STS never answers is none", () => {
  const bad = [
    ...["", " ", "x", "<a>", "</a>", "<a></b>", "<a></a></a>", "<a></a><a></a>", "<a></a><b></b>", "<b></b>", "x<a></a>", "<a></a>x", "<a", "<a>x", "<a><b></a></b>"],
    ...["<!DOCTYPE a><a></a>", '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "<a><!-- c --></a>", "<a><![CDATA[x]]></a>", "<a><?pi x?></a>", "<s:a></s:a>", "<a><s:b/></a>"],
    ...["<a>&nbsp;</a>", "<a>&</a>", "<a>&amp</a>", "<a>&#;</a>", "<a>&#x;</a>", "<a>&#x110000;</a>", "<a>&#0;</a>", "<a>&#xD800;</a>", "<a>&#11;</a>", "<a>\u0000</a>", "<a>\ufffe</a>"],
    ...["<a><b/><b/></a>", "<a><b>1</b><b>2</b></a>", "<a><b/>x</a>", "<a b=c></a>", "<a b></a>", '<a b="<"></a>', "<a></a b='1'>", "</a/>", "<1/>", "< a></a>"],
    ...[`<a>${"x".repeat(65_536)}</a>`, `${"<a>".repeat(9)}${"</a>".repeat(9)}`],
  ];
  for (const text of bad) assert.is(parseXml(text, "a"), undefined, text.slice(0, 60));
  assert.is.not(parseXml(`${"<a>".repeat(8)}${"</a>".repeat(8)}`, "a"), undefined);
});

test("long hostile inputs are read in linear time", () => {
  for (const text of [`<a ${"b='1' ".repeat(9_000)}`, `<a${" ".repeat(60_000)}`, "<".repeat(60_000), `<a>${"&#".repeat(30_000)}</a>`, `<a ${"b".repeat(60_000)}`, `<a b='${"x".repeat(60_000)}`]) {
    assert.is(parseXml(text, "a"), undefined);
  }
});

test("random changes of an answer never throw", () =>
  withSeed((random) => {
    const text = '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIA&amp;</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>';
    for (let round = 0; round < 3_000; round += 1) {
      parseXml(new TextDecoder().decode(mutateBytes(new TextEncoder().encode(text), random)), "AssumeRoleResponse");
    }
  }),
);

test.run();
