"""Names of people, cities and companies in several scripts, each with its form in Latin letters."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it is written, and in plain Latin letters."""

    written: str
    latin: str


@dataclass(frozen=True, slots=True)
class City:
    """A city, its short code, and the language of most who work there."""

    written: str
    code: str
    language: str
    time_zone: str


def _names(text: str) -> tuple[Name, ...]:
    return tuple(Name(*part.split("/")) for part in text.split())


_PLAIN = "Anna/anna Paul/paul Emma/emma James/james Grace/grace Liam/liam Nora/nora Owen/owen"

GIVEN: dict[str, tuple[Name, ...]] = {
    "en": _names(_PLAIN + " Aoife/aoife Seán/sean Siobhán/siobhan Róisín/roisin Conor/conor"),
    "de": _names(
        "Jürgen/juergen Käthe/kaethe Sören/soeren Günter/guenter Bärbel/baerbel Anna/anna"
        " Lukas/lukas Jörg/joerg Grit/grit Uwe/uwe Heike/heike Änne/aenne Torsten/torsten"
    ),
    "fr": _names(
        "Élodie/elodie François/francois Hélène/helene Noël/noel Chloé/chloe Benoît/benoit"
        " Maëlle/maelle Jérôme/jerome Zoé/zoe Luc/luc Océane/oceane Gaël/gael"
    ),
    "pl": _names(
        "Łukasz/lukasz Małgorzata/malgorzata Grażyna/grazyna Paweł/pawel Bożena/bozena Jan/jan"
        " Michał/michal Żaneta/zaneta Wojciech/wojciech Elżbieta/elzbieta Świętosław/swietoslaw"
    ),
    "pt": _names(
        "João/joao Conceição/conceicao Antônio/antonio Luísa/luisa Inês/ines Sebastião/sebastiao"
        " Júlia/julia Vitória/vitoria Caio/caio Flávia/flavia Tomás/tomas"
    ),
    "es": _names(
        "José/jose Íñigo/inigo Lucía/lucia Begoña/begona Ángel/angel Sofía/sofia Raúl/raul"
        " Concepción/concepcion Andrés/andres Pilar/pilar Jesús/jesus"
    ),
    "sv": _names(
        "Åsa/asa Björn/bjorn Göran/goran Märta/marta Sören/soren Elin/elin Håkan/hakan"
        " Linnéa/linnea Örjan/orjan Pär/par Siv/siv"
    ),
    "cs": _names(
        "Jiří/jiri Zdeněk/zdenek Růžena/ruzena Václav/vaclav Šárka/sarka Ondřej/ondrej"
        " Žofie/zofie Tomáš/tomas Libuše/libuse Luboš/lubos"
    ),
    "tr": _names(
        "Gülşah/gulsah Çağla/cagla Işıl/isil Ömer/omer Şükrü/sukru Ayşe/ayse İbrahim/ibrahim"
        " Uğur/ugur Tuğba/tugba Gökçe/gokce"
    ),
    "ru": _names(
        "Иван/ivan Мария/maria Сергей/sergey Ольга/olga Дмитрий/dmitry Анна/anna Юлия/yulia"
        " Фёдор/fyodor Елена/elena Алексей/alexey Наталья/natalya Пётр/pyotr Щукарь/shchukar"
    ),
    "uk": _names(
        "Олена/olena Тарас/taras Оксана/oksana Богдан/bohdan Їжак/yizhak Ганна/hanna"
        " Андрій/andriy Соломія/solomiia Юрій/yuriy Євген/yevhen"
    ),
    "ja": _names(
        "太郎/taro 花子/hanako 健太/kenta 美咲/misaki 翔/sho さくら/sakura 大輔/daisuke 陽菜/hina"
        " 直樹/naoki 愛/ai 拓也/takuya 結衣/yui"
    ),
    "ar": _names(
        "محمد/mohamed فاطمة/fatima أحمد/ahmed عائشة/aisha يوسف/youssef ليلى/layla عمر/omar"
        " نور/nour خالد/khaled مريم/maryam حسن/hassan هدى/huda"
    ),
}

FAMILY: dict[str, tuple[Name, ...]] = {
    "en": _names(
        "Walsh/walsh Byrne/byrne Murphy/murphy Ó_Súilléabháin/osullivan Taylor/taylor"
        " Ní_Bhriain/nibhriain Clarke/clarke Doyle/doyle Evans/evans Hughes/hughes"
    ),
    "de": _names(
        "Müller/mueller Schröder/schroeder Weiß/weiss Köhler/koehler Jäger/jaeger Groß/gross"
        " Bäcker/baecker Schütz/schuetz Hübner/huebner Voß/voss Lange/lange Krüger/krueger"
    ),
    "fr": _names(
        "Lefèvre/lefevre Côté/cote Gagné/gagne Bélanger/belanger Garçon/garcon Tremblay/tremblay"
        " Légaré/legare D’Aoust/daoust Bœuf/boeuf Pâquet/paquet Fournier/fournier"
    ),
    "pl": _names(
        "Wójcik/wojcik Kowalczyk/kowalczyk Dąbrowska/dabrowska Żak/zak Wiśniewski/wisniewski"
        " Łęcka/lecka Zieliński/zielinski Góra/gora Ćwik/cwik Śliwa/sliwa"
    ),
    "pt": _names(
        "Gonçalves/goncalves Magalhães/magalhaes Araújo/araujo Brandão/brandao Simões/simoes"
        " Assunção/assuncao Guimarães/guimaraes Leão/leao Conceição/conceicao Melo/melo"
    ),
    "es": _names(
        "Muñoz/munoz Ibáñez/ibanez Gutiérrez/gutierrez Peña/pena Núñez/nunez Sáenz/saenz"
        " Echeverría/echeverria Cañas/canas Vázquez/vazquez Ordóñez/ordonez"
    ),
    "sv": _names(
        "Åkesson/akesson Sjöberg/sjoberg Öhman/ohman Lindström/lindstrom Hägg/hagg"
        " Bergström/bergstrom Björklund/bjorklund Ström/strom Ängquist/angquist Dahl/dahl"
    ),
    "cs": _names(
        "Dvořák/dvorak Němcová/nemcova Černý/cerny Růžička/ruzicka Šťastný/stastny"
        " Kučera/kucera Říha/riha Procházková/prochazkova Žižka/zizka Hájek/hajek"
    ),
    "tr": _names(
        "Yıldız/yildiz Öztürk/ozturk Çelik/celik Şahin/sahin Güneş/gunes Doğan/dogan"
        " Yılmaz/yilmaz Aydın/aydin Kılıç/kilic Ünlü/unlu"
    ),
    "ru": _names(
        "Иванов/ivanov Щербакова/shcherbakova Кузнецов/kuznetsov Жуков/zhukov Соловьёв/solovyov"
        " Цветаева/tsvetaeva Юдин/yudin Эйхенбаум/eikhenbaum Петров/petrov Ёлкина/yolkina"
    ),
    "uk": _names(
        "Шевченко/shevchenko Коваленко/kovalenko Їжакевич/yizhakevych Мельник/melnyk"
        " Бондаренко/bondarenko Ґалаґан/galagan Кравець/kravets Лисенко/lysenko"
    ),
    "ja": _names(
        "佐藤/sato 鈴木/suzuki 髙橋/takahashi 田中/tanaka 渡邉/watanabe 伊藤/ito 山本/yamamoto"
        " 中村/nakamura 小林/kobayashi 齋藤/saito 加藤/kato"
    ),
    "ar": _names(
        "المصري/almasri حداد/haddad الهاشمي/alhashimi نصر/nasr خوري/khoury السيد/elsayed"
        " الفارسي/alfarsi منصور/mansour زيدان/zidan عبدالله/abdallah"
    ),
}

CITIES: tuple[City, ...] = (
    City("Köln", "CGN", "de", "CET"),
    City("東京", "TYO", "ja", "JST"),
    City("Москва", "MOW", "ru", "MSK"),
    City("القاهرة", "CAI", "ar", "EET"),
    City("Montréal", "YUL", "fr", "EST"),
    City("Łódź", "LCJ", "pl", "CET"),
    City("São Paulo", "SAO", "pt", "BRT"),
    City("Dublin", "DUB", "en", "GMT"),
    City("Київ", "KBP", "uk", "EET"),
    City("大阪", "OSA", "ja", "JST"),
    City("Málaga", "AGP", "es", "CET"),
    City("Göteborg", "GOT", "sv", "CET"),
    City("دبي", "DXB", "ar", "GST"),
    City("İzmir", "ADB", "tr", "TRT"),
    City("Třebíč", "TRB", "cs", "CET"),
    City("Пермь", "PEE", "ru", "YEKT"),
    City("Zürich", "ZRH", "de", "CET"),
    City("Besançon", "QBQ", "fr", "CET"),
    City("札幌", "SPK", "ja", "JST"),
    City("Cork", "ORK", "en", "GMT"),
    City("Kraków", "KRK", "pl", "CET"),
    City("عمّان", "AMM", "ar", "EET"),
    City("Львів", "LWO", "uk", "EET"),
    City("Brasília", "BSB", "pt", "BRT"),
)

COMPANIES: tuple[Name, ...] = (
    Name("Nordwind", "nordwind"),
    Name("Étoile Assurances", "etoile"),
    Name("Сибирь Телеком", "sibir"),
    Name("桜トラベル", "sakura"),
    Name("Łąka Bank", "laka"),
    Name("الواحة للتأمين", "alwaha"),
    Name("Ibérica Energía", "iberica"),
    Name("Björk & Söner", "bjork"),
)

_ELSEWHERE = 0.15
"""Share of people whose names are of another language than that of their city."""


def person(random: Random, city: City) -> tuple[Name, Name]:
    """Return given and family name of someone who works in a city."""
    language = city.language
    if random.random() < _ELSEWHERE:
        language = random.choice(sorted(GIVEN))
    family = random.choice(FAMILY[language])
    return random.choice(GIVEN[language]), Name(family.written.replace("_", " "), family.latin)
