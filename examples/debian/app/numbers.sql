create table numbers(n integer primary key, square integer, text text);
with recursive counted(i) as (select 1 union all select i + 1 from counted where i < 5000)
insert into numbers select i, i * i, 'number ' || i from counted;
create index by_text on numbers(text);
begin;
update numbers set text = upper(text) where n % 7 = 0;
rollback;
delete from numbers where n % 5 = 0;
select count(*), sum(square), max(text) from numbers;
select text from numbers where text between 'number 49' and 'number 4905' order by text limit 3;
pragma integrity_check;
