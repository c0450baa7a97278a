-- Plain text of HTML: what it says, in lines, and never more time than its size asks for.

local html_text = require "ettsumailer.message.html_text"

local CASES = {
  { "", "" }, { "hello", "hello\n" }, { "<p>a</p><p>b</p>", "a\n\nb\n" }, { "a<br>b<br/><br />c", "a\nb\n\nc\n" },
  { "  a \n\t b  ", "a b\n" }, { "<b>a</b><i>b</i> <u>c</u>", "ab c\n" }, { "<div>a</div><div>b</div>c", "a\nb\nc\n" },
  { "<h1>A</h1>b", "A\n\nb\n" }, { "<pre>  a\n    b</pre>c", "  a\n    b\n\nc\n" },
  { "<ul><li>a<li>b</ul>c", "- a\n- b\n\nc\n" }, { "<ol><li>a</li><li><p>b</p></li></ol>", "1. a\n2. b\n" },
  { "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c\n" },
  { "<blockquote>a<br>b</blockquote>c", "> a\n> b\n\nc\n" },
  { "<table><tr><td>1</td><td>2</td></tr><tr><th>3</th><td>4</td></tr></table>", "1 2\n3 4\n" },
  { '<a href="https://e.example/?a=1&amp;b">go</a>.', "go <https://e.example/?a=1&b>.\n" },
  { "<a href='https://e.example/'>e.example</a>", "e.example\n" }, { "<a href=mailto:a@b.c>a@b.c</a>", "a@b.c\n" },
  { '<a href="javascript:x()">a</a><a name=x>b</a>', "ab\n" }, { '<img src="x.png" alt="Logo &lt;"> b', "Logo < b\n" },
  { '<img data-alt="no" src=x>b', "b\n" },
  { "&lt;&amp;&#26085;&#x672C;&eacute;&nbsp;&unknown;&#0;&#xD800;", "<&日本é &unknown;��\n" },
  { "a<script>if (a<b) {}</script><STYLE>p{}</STYLE><title>t</title>b", "ab\n" },
  { "a<!-- <p> -->b<!doctype html>c<?x?>d", "abcd\n" },
  { "1 < 2 > 1 <3", "1 < 2 > 1 <3\n" }, { '<p title="a>b">c', "c\n" }, { "<p title=\"open>a</p>b", "a\n\nb\n" },
  { "a<script>no end", "a\n" }, { "a<!-- no end", "a\n" }, { "a<p", "a\n" }, { "a<hr>b", "a\n\n-----\n\nb\n" },
  { "日本語<br>です", "日本語\nです\n" }, { "</p></ul></li></blockquote></a></pre>a", "a\n" },
}

describe("the plain text of HTML", function()
  it("says what a reader would see", function()
    for _, case in ipairs(CASES) do
      assert.equal(case[2], html_text.of(case[1]), case[1])
    end
  end)

  it("is valid UTF-8 without control characters, whatever is referred to", function()
    local text = html_text.of "&#128;&#159;&#1;&#x110000;&#x10FFFF;&#99999999999999999999;&#x7f;a"
    assert.equal("\239\191\189\239\191\189\239\191\189\239\191\189\244\143\191\191\239\191\189\239\191\189a\n", text)
  end)

  it("takes time in proportion to its size (ten times the bound of what was measured)", function()
    for _, piece in ipairs {
      "<", "<a \"", "<a '\">", "<!--", "&", "&#", "&a", "<p>", "<ul><li>", "<ol><li>", "<blockquote>", "</blockquote>",
      "</a>", "<a href=http:x>", "<a href=http:x>y</a>", "\"<'>", "<script>", "<script", "<img alt=", " ", "<pre>\n",
      "<td>", "</li>", "<br>", "<x y=' ",
    } do
      local text = piece:rep(math.floor(200000 / #piece))
      local started = os.clock()
      html_text.of(text)
      assert.is_true(os.clock() - started < 5, piece)
    end
  end)
end)
